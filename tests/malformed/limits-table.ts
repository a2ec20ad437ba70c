/** The table of limits in docs/hardening.md, made from the options themselves. Pure. */
import { z } from 'zod'
import { flagsOf } from '../../compose/flags.ts'
import { describeDefault } from '../../compose/schema-shape.ts'
import { connectionLimitOptions } from '../../load-balancer/connection-limits-config.ts'

export function limitsTable(): string {
  const rows = flagsOf(z.object(connectionLimitOptions)).map(
    (flag) => `| \`--${flag.name}\` | ${describeDefault(flag)} | ${flag.description} |`,
  )
  return ['| flag | default | |', '| --- | --- | --- |', ...rows].join('\n')
}
