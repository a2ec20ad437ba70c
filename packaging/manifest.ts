/**
 * What `package.json` says in the package and not in the repository. Node strips no types below `node_modules`, so the package holds built
 * JavaScript, while the repository runs from its TypeScript with nothing built, examples that import `heartline/backend` among them.
 */

/** The parts of a manifest that differ. */
export interface Manifest {
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** Where `npm run build` puts what it makes. */
export const builtFolder = 'dist'

/** The manifest as packed. What only the repository needs is left out. */
export function packedManifest(manifest: Manifest): Record<string, unknown> {
  const { devDependencies, allowScripts, scripts, ...rest } = manifest
  return {
    ...rest,
    bin: mapValues(manifest.bin, (path) => `${builtFolder}/${path.replace(/\.ts$/, '.js')}`),
    exports: mapValues(manifest.exports, (path) =>
      path.endsWith('.ts') ? { types: built(path, '.d.ts'), default: built(path, '.js') } : path,
    ),
  }
}

/** Where the build puts what it makes of `./folder/name.ts`. */
function built(path: string, extension: string): string {
  return path.replace('./', `./${builtFolder}/`).replace(/\.ts$/, extension)
}

function mapValues<From, To>(values: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}
