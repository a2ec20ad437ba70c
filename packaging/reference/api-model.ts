/** The shape of the doc model that API Extractor writes (`*.api.json`, schema 1011), as far as the reference needs it. */

export interface ApiItem {
  /** `Class`, `Interface`, `Function`, `TypeAlias`, `Variable`; of members `Method`, `PropertySignature` and so on. */
  readonly kind: string
  readonly canonicalReference: string
  readonly name?: string
  readonly docComment?: string
  /** The declaration in pieces; those of kind `Reference` name what they refer to. */
  readonly excerptTokens?: readonly ApiToken[]
  readonly members?: readonly ApiItem[]
}

export interface ApiToken {
  readonly kind: 'Content' | 'Reference'
  readonly text: string
  readonly canonicalReference?: string
}

/** What one entry point of the package exports. */
export interface EntryPoint {
  /** As it is imported, such as `heartline/backend`. */
  readonly module: string
  /** The folder of its pages. */
  readonly folder: string
  /** What it is, by its docstring. */
  readonly symbols: readonly ApiItem[]
}
