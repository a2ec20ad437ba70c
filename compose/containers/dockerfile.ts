/** A Dockerfile as the stages and instructions that it has. For tests, and for what goes through its steps without Docker. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DockerfileParser } from 'dockerfile-ast'

export interface Instruction {
  /** In capitals, such as `RUN`. */
  readonly keyword: string
  /** What follows it, flags included, in one line. */
  readonly text: string
}

export interface Stage {
  readonly image: string
  readonly name: string | undefined
  readonly instructions: readonly Instruction[]
}

export const dockerfilePath = join(import.meta.dirname, 'Dockerfile')

/** The stages in order; the last one is the image. */
export async function readDockerfile(): Promise<Stage[]> {
  const parsed = DockerfileParser.parse(await readFile(dockerfilePath, 'utf8'))
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = []
  for (const instruction of parsed.getInstructions()) {
    const keyword = instruction.getKeyword()
    const text = instruction
      .getTextContent()
      .slice(keyword.length)
      .replaceAll(/\\\r?\n\s*/g, '')
      .trim()
    if (keyword === 'FROM') {
      const [image = '', , name] = text.split(/\s+/)
      stages.push({ image, name, instructions: [] })
    } else stages.at(-1)!.instructions.push({ keyword, text })
  }
  return stages
}

/** What an instruction of the image says; of several the last, which is the one that counts. */
export function lastOf(stage: Stage, keyword: string): string | undefined {
  return stage.instructions.findLast((instruction) => instruction.keyword === keyword)?.text
}
