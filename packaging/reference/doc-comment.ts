/** A docstring as Markdown. Pure. */

/** What a docstring says, in its parts. */
export interface DocComment {
  /** What it is; Markdown. */
  readonly text: string
  /** `@param`, `@returns`, `@throws` and the like, in their order. */
  readonly blocks: readonly { readonly tag: string; readonly text: string }[]
}

/** @param linkTo gives the target of a symbol's page, or undefined if it has none */
export function readDocComment(comment: string, linkTo: (symbol: string) => string | undefined): DocComment {
  const lines = comment
    .trim()
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
  const [text = '', ...tagged] = splitAtTags(lines.join('\n'))
  const linked = (part: string) => withLinks(part.trim(), linkTo)
  return {
    text: linked(text),
    blocks: tagged.map((block) => {
      const [, tag = '', rest = ''] = /^@(\w+)\s*([\s\S]*)$/.exec(block) ?? []
      return { tag, text: linked(rest) }
    }),
  }
}

/** Block tags begin a line, or follow a sentence on its line, as in `Reads it. @throws …`. */
function splitAtTags(text: string): string[] {
  return text.split(/(?:^|\s)(?=@(?:param|returns|throws|remarks|example|see|deprecated)\b)/m)
}

/** `{@link Symbol}` and `{@link Symbol | words}` as links; a symbol without a page as code. */
function withLinks(text: string, linkTo: (symbol: string) => string | undefined): string {
  return text.replaceAll(/\{@link\s+([^\s|}]+)\s*(?:\|\s*([^}]+))?\}/g, (_, symbol: string, words?: string) => {
    const target = linkTo(symbol)
    const shown = words?.trim() ?? `\`${symbol}\``
    return target === undefined ? shown : `[${shown}](${target})`
  })
}
