/** What the brokers that `heartline kafka` starts are told: pure text, for one machine. */
import { join } from 'node:path'

/** One broker's place: everything that differs between brokers of a cluster. */
export interface BrokerPlace {
  /** KRaft node id, from 1. */
  id: number
  host: string
  port: number
  controllerPort: number
  /** Holds `data/`, `server.properties`, `kafka.log` and `console.log`. */
  directory: string
}

export const dataDirectory = (place: BrokerPlace) => join(place.directory, 'data')
export const propertiesPath = (place: BrokerPlace) => join(place.directory, 'server.properties')
export const logPath = (place: BrokerPlace) => join(place.directory, 'kafka.log')
export const consolePath = (place: BrokerPlace) => join(place.directory, 'console.log')

/** `server.properties` of one combined broker and controller. */
export function serverProperties(place: BrokerPlace, cluster: BrokerPlace[]): string {
  const replicas = cluster.length
  const inSyncMin = replicas === 1 ? 1 : 2
  const settings: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': place.id,
    'controller.quorum.voters': cluster.map((peer) => `${peer.id}@${peer.host}:${peer.controllerPort}`).join(','),
    listeners: `PLAINTEXT://${place.host}:${place.port},CONTROLLER://${place.host}:${place.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${place.host}:${place.port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': dataDirectory(place),

    // No acknowledged record is lost with one broker of three: two copies before an answer, and no leader that lacks one.
    'default.replication.factor': replicas,
    'min.insync.replicas': inSyncMin,
    'unclean.leader.election.enable': false,
    // A misspelt topic is an error, and a journal is never created with the broker's retention of 7 days.
    'auto.create.topics.enable': false,
    'num.partitions': 1,

    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSyncMin,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSyncMin,
    // Kafka's 50 are for large clusters; each is a directory and files to create at the first group.
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.num.partitions': 4,
    // Kafka waits 3 s for more members; a journal's reader is always a group of one.
    'group.initial.rebalance.delay.ms': 0,

    // A truncated journal gives its disk back within a minute, instead of six: Kafka looks every five, and waits for one more.
    'log.retention.check.interval.ms': 30_000,
    'log.segment.delete.delay.ms': 10_000,

    // A dead broker is noticed after 3 s instead of 9, well within the balancer's default hold time of 10 s.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
  }
  return `${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`
}

/** Flags of a broker's JVM; garbage collection as Kafka's own start script has it. */
export function brokerJvmFlags(place: BrokerPlace): string[] {
  return [
    '-Xms512m',
    '-Xmx512m',
    '-XX:+UseG1GC',
    '-XX:MaxGCPauseMillis=20',
    '-XX:InitiatingHeapOccupancyPercent=35',
    '-XX:+ExplicitGCInvokesConcurrent',
    '-XX:+ExitOnOutOfMemoryError',
    '-Djava.awt.headless=true',
    ...loggerFlags(logPath(place)),
  ]
}

/** Warnings and errors only, to a file: what a person needs of them is said in our own log. */
export function loggerFlags(path: string): string[] {
  const flags = {
    logFile: path,
    defaultLogLevel: 'warn',
    showDateTime: 'true',
    dateTimeFormat: "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
  }
  return Object.entries(flags).map(([name, value]) => `-Dorg.slf4j.simpleLogger.${name}=${value}`)
}
