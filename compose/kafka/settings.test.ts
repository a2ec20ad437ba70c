import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type BrokerPlace, serverProperties } from './settings.ts'

const place = (id: number): BrokerPlace => ({
  id,
  host: '127.0.0.1',
  port: 9091 + id,
  controllerPort: 19091 + id,
  directory: `/data/broker-${id}`,
})

function settingsOf(brokers: number): Record<string, string> {
  const cluster = Array.from({ length: brokers }, (_, index) => place(index + 1))
  const lines = serverProperties(cluster[0]!, cluster).trim().split('\n')
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

test('three brokers keep every record three times and need two copies before an answer', () => {
  const settings = settingsOf(3)
  assert.equal(settings['default.replication.factor'], '3')
  assert.equal(settings['min.insync.replicas'], '2')
  assert.equal(settings['offsets.topic.replication.factor'], '3')
  assert.equal(settings['unclean.leader.election.enable'], 'false')
  assert.equal(settings['controller.quorum.voters'], '1@127.0.0.1:19092,2@127.0.0.1:19093,3@127.0.0.1:19094')
})

test('the compose file gives its broker the settings that ours has', async () => {
  const file = await readFile(new URL('../compose.yaml', import.meta.url), 'utf8')
  const ours = settingsOf(1)
  const shared = [
    'default.replication.factor',
    'min.insync.replicas',
    'unclean.leader.election.enable',
    'auto.create.topics.enable',
    'offsets.topic.replication.factor',
    'offsets.topic.num.partitions',
    'transaction.state.log.replication.factor',
    'transaction.state.log.min.isr',
    'share.coordinator.state.topic.replication.factor',
    'group.initial.rebalance.delay.ms',
  ]
  for (const name of shared) {
    const variable = `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`
    assert.match(file, new RegExp(`^ {6}${variable}: "${ours[name]}"$`, 'm'), variable)
  }
})
