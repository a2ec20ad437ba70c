/**
 * How each command of the documents is run: in scenes, each with commands that belong together, in a copy of the repository and, where that is
 * possible, on a network of its own, so that they are run as they stand, on their own ports. A command that is in no scene is in `elsewhere.ts`.
 */

/** One command of a scene. It is a service if it says when it is `ready`, and else ends by itself. */
export interface Step {
  /** Exactly as the documents have it. */
  readonly command: string
  /** Is in no document: what the others need. */
  readonly own?: true
  /** What is put for what before it is run: a smaller size, a place for a placeholder. */
  readonly instead?: readonly (readonly [from: string, to: string])[]
  /** Printed by a service once it does its work. At the end of the scene it gets SIGTERM, and must end with exit code 0. */
  readonly ready?: RegExp
  /** A service that the scene kills: it has no orderly end. */
  readonly killed?: true
  /** A service's exit code at SIGTERM, if that is not 0: one that does not listen to it has 143. */
  readonly stopped?: number
  /** Goes on beside the next steps, as in a terminal of its own, and is judged when the scene is over. */
  readonly beside?: true
  /** Printed by what ends by itself. */
  readonly prints?: RegExp
  /** Its exit code, if that is not 0. */
  readonly exit?: number
  /** Is tried again until it ends so, as a reader would, for so long. */
  readonly untilMs?: number
}

/** Not run: all services of the scene so far are stopped in order, as by Ctrl-C in their terminals. */
export const stopAll = 'Ctrl-C'

export interface Scene {
  readonly name: string
  /** Needs a real Kafka: Java and Maven. */
  readonly kafka?: true
  /** Needs addresses beyond loopback, which only a network of its own has. */
  readonly ownNetwork?: true
  /** Needs programs that may be missing. */
  readonly programs?: readonly string[]
  /** Files that a reader has and the repository has not. */
  readonly files?: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
}

const up = /Heartline is up/
const listens = /listens on/

const python = `import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('content-length', '2'); self.end_headers(); self.wfile.write(b'ok')
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[-1])), Handler).serve_forever()
`
const node = `import { createServer } from 'node:http'
createServer((request, response) => response.end('ok')).listen(Number(process.argv.at(-1)), '127.0.0.1')
`

/** A booking at the ticket office, through the balancer, and a look at it. */
const book = {
  command: `curl -si http://127.0.0.1:8080/bookings -H 'content-type: application/json' -d '{"seat":"12A","user":"ada"}'`,
  own: true,
} as const
const look = { command: 'curl -si http://127.0.0.1:8080/bookings/12A', own: true } as const

export const scenes: readonly Scene[] = [
  {
    name: 'the demo',
    steps: [
      {
        command: 'npm run demo',
        instead: [['demo', 'demo -- --kills 1 --rate 200']],
        prints: /exact: 1 failure of the active/,
      },
    ],
  },
  {
    name: 'an agent, and a balancer in front',
    programs: ['python3'],
    files: { 'server.py': python },
    steps: [
      { command: 'npm run receiver -- --kafka file:./state', own: true, ready: listens },
      {
        command:
          'npm run heartline -- agent --name api-1 --url http://127.0.0.1:3001 --check /health -- python3 server.py 3001',
        ready: /the server at \S+ is well/,
      },
      { command: 'npm run balancer -- --strategy least-connections', ready: listens },
      { command: 'curl -sf http://127.0.0.1:8080/', own: true, prints: /ok/, untilMs: 5_000 },
    ],
  },
  {
    name: 'an agent by its own name',
    programs: ['python3'],
    files: { 'server.py': python },
    steps: [
      { command: 'npm run receiver -- --kafka file:./state', own: true, ready: listens },
      {
        command: 'heartline agent --url http://127.0.0.1:3000 --check /health -- python3 server.py --port 3000',
        instead: [['heartline', 'npm run heartline --']],
        ready: /the server at \S+ is well/,
      },
    ],
  },
  {
    name: 'backends without agents',
    steps: [
      {
        command: 'npm run balancer -- --strategy peak-ewma --receivers none --backends 10.0.0.1:3000,10.0.0.2:3000',
        ready: listens,
      },
    ],
  },
  {
    name: 'weighted backends without agents',
    steps: [
      {
        command:
          'npm run balancer -- --strategy least-connections --receivers none --backends http://127.0.0.1:3001,big=http://127.0.0.1:3002*3',
        ready: listens,
      },
    ],
  },
  {
    name: 'servers that the balancer starts',
    files: { 'server.js': node },
    steps: [
      {
        command:
          "npm run balancer -- --strategy round-robin --receivers none --replicas 3 --spawn 'node server.js {port}'",
        ready: listens,
      },
      { command: 'curl -sf http://127.0.0.1:8080/', own: true, prints: /ok/, untilMs: 10_000 },
    ],
  },
  {
    name: 'servers that the balancer starts, told by a flag',
    files: { 'server.js': node },
    steps: [
      {
        command:
          'npm run balancer -- --receivers none --strategy round-robin --replicas 3 --spawn "node server.js --port {port}"',
        ready: listens,
      },
      { command: 'curl -sf http://127.0.0.1:8080/', own: true, prints: /ok/, untilMs: 10_000 },
    ],
  },
  {
    name: 'a simulation',
    steps: [{ command: 'npm run simulate -- --seeds 1000', instead: [['1000', '20']], prints: /20 worlds/ }],
  },
  {
    name: 'the embedded journal',
    steps: [
      { command: 'npm run up -- --kafka file:./data', ready: up },
      { command: 'npm run status', own: true, prints: /backend-1/, untilMs: 5_000 },
    ],
  },
  {
    name: 'one process on the embedded journal',
    steps: [
      { command: 'npm run receiver -- --kafka file:./data', own: true, ready: listens },
      { command: 'npm run backend -- --kafka file:./data', ready: listens },
    ],
  },
  {
    name: 'a service with memory that is quick to free',
    files: { 'service.js': 'console.log(process.env.GLIBC_TUNABLES, process.execArgv, process.env.NODE_OPTIONS)\n' },
    steps: [
      {
        command:
          'GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1 NODE_OPTIONS=--max-semi-space-size=2 node service.js',
        prints: /arena_max=1.*semi-space-size=2/,
      },
    ],
  },
  {
    name: 'everything, in one terminal and looked at in another',
    kafka: true,
    steps: [
      { command: 'npm run up', ready: up },
      { command: 'npm run status', prints: /backend-1/ },
      { command: 'npm run handover -- --to backend-2', prints: /backend-2/, untilMs: 10_000 },
      { command: 'npm run load', instead: [['load', 'load -- --duration 2s --rate 200']], prints: /lost +0/ },
      {
        command: 'npm run load -- --duration 1h --report run.html',
        instead: [['1h', '2s --rate 200']],
        prints: /lost +0/,
      },
      {
        command: 'npm run load -- --path /home --target http://127.0.0.1:8080',
        instead: [['--path', '--duration 1s --rate 100 --path']],
        prints: /errors +0/,
      },
      {
        command: 'npm run load -- --path /home --key-header x-user --key-count 500',
        instead: [['--path', '--duration 1s --rate 100 --path']],
        prints: /errors +0/,
      },
      {
        command: 'npm run --silent journal -- --from 4711 --limit 20',
        instead: [['4711', '1']],
        // Which of the two depends on how long the backends waited for the first claim: waiting, they append what is void.
        prints: /"verdict":"(?:valid|void)"/,
      },
      { command: 'npm run --silent journal -- --void', prints: /"verdict":"void"/ },
      {
        command: 'npm run --silent journal -- --follow | grep \'"type":"claim"\'',
        instead: [['--follow', '--follow --from 0 --limit 20']],
        prints: /"type":"claim"/,
      },
      { command: 'npm run --silent journal -- --topic heartline.decisions', prints: /"verdict":"valid"/ },
    ],
  },
  {
    name: 'everything, with what dies started again',
    kafka: true,
    steps: [{ command: 'npm run up -- --restart', ready: up }],
  },
  {
    name: 'two of everything',
    kafka: true,
    steps: [
      { command: 'npm run up -- --receivers 2 --balancers 2', ready: up },
      {
        command: 'npm run load -- --target http://127.0.0.1:8080,http://127.0.0.1:8082',
        instead: [['--target', '--duration 2s --rate 200 --target']],
        prints: /lost +0/,
      },
    ],
  },
  {
    name: 'everything on a Kafka of your own',
    kafka: true,
    steps: [
      { command: 'npm run kafka', own: true, ready: /ready/ },
      { command: 'npm run up -- --kafka HOST:9092', instead: [['HOST', '127.0.0.1']], ready: up },
    ],
  },
  {
    name: 'everything on the embedded journal, and its journal',
    steps: [
      { command: 'npm run up -- --kafka file:DIR', ready: up },
      { command: 'npm run --silent journal -- --kafka file:DIR', prints: /"verdict":"valid"/ },
    ],
  },
  {
    name: 'a load on any server',
    files: { 'server.js': node },
    steps: [
      { command: 'node server.js 8080 & echo started; wait $!', own: true, ready: /started/ },
      {
        command: `npm run load -- --path /orders --method PUT --body '{"a":1}' --json`,
        instead: [['--path', '--duration 1s --rate 100 --path']],
        prints: /"errors":\{\}/,
        untilMs: 5_000,
      },
    ],
  },
  {
    name: 'the list of commands',
    steps: [{ command: 'npm run heartline -- --help', prints: /Usage: heartline <command>/ }],
  },
  {
    name: 'the services of the examples',
    steps: [
      { command: 'npm run receiver -- --kafka file:./state', ready: listens },
      { command: 'npm run balancer', ready: listens },
      { command: 'NAME=a PORT=9001 KAFKA=file:./state node examples/express-service.ts', ready: listens },
      { command: 'NAME=b PORT=9002 KAFKA=file:./state node examples/express-service.ts', ready: listens },
      {
        command: `curl -i http://127.0.0.1:8080/seats/12A -H 'content-type: application/json' -d '{"user":"ada"}'`,
        prints: /201 Created[\s\S]*x-heartline-backend: [ab]/i,
      },
      { command: 'curl -i http://127.0.0.1:8080/seats/12A', prints: /200 OK[\s\S]*"user":"ada"/i },
    ],
  },
  {
    name: 'getting started: a service of your own',
    programs: ['lsof'],
    steps: [
      {
        command: 'git diff --no-index examples/notes-before.ts examples/notes-after.ts',
        exit: 1,
        prints: /createBackend/,
      },
      { command: 'npm run receiver -- --kafka file:./notes', ready: listens },
      { command: 'npm run balancer', ready: listens },
      { command: 'NAME=a PORT=9001 KAFKA=file:./notes node examples/notes-after.ts', ready: listens, killed: true },
      { command: 'NAME=b PORT=9002 KAFKA=file:./notes node examples/notes-after.ts', ready: listens, stopped: 143 },
      { command: 'npm run status', prints: /b +.*standby/, untilMs: 20_000 },
      {
        command: `curl -i http://127.0.0.1:8080/notes -H 'content-type: application/json' -d '{"text":"buy milk"}'`,
        prints: /201 Created[\s\S]*x-heartline-backend: a/i,
      },
      {
        command:
          "for i in $(seq 300); do curl -s -o /dev/null -w '%{http_code} %{time_total}s\\n' http://127.0.0.1:8080/notes/1; sleep 0.05; done",
        beside: true,
        prints: /^(?:200 [\d.]+s\n){300}$/,
      },
      { command: 'curl -s http://127.0.0.1:7070/active', prints: /"name":"a"/ },
      { command: 'kill -9 $(lsof -ti tcp:9001 -sTCP:LISTEN)', prints: /^$/ },
      {
        command: 'curl -i http://127.0.0.1:8080/notes/1',
        prints: /200 OK[\s\S]*x-heartline-backend: b[\s\S]*buy milk/i,
      },
      { command: 'NAME=a PORT=9001 KAFKA=file:./notes node examples/notes-after.ts', ready: listens, stopped: 143 },
      { command: 'npm run handover', prints: /\ba\b/, untilMs: 20_000 },
    ],
  },
  {
    name: 'a receiver on Kafka, and a balancer',
    kafka: true,
    steps: [
      { command: 'npm run kafka', own: true, ready: /ready/ },
      { command: 'npm run receiver -- --kafka 127.0.0.1:9092', ready: listens },
      { command: 'npm run balancer -- --receivers ws://127.0.0.1:7070', ready: listens },
    ],
  },
  {
    name: 'two receivers',
    kafka: true,
    ownNetwork: true,
    steps: [
      { command: 'npm run kafka', own: true, ready: /ready/ },
      {
        command: 'npm run receiver -- --kafka k:9092 --host 10.0.0.1 --token a-long-secret --peers ws://10.0.0.2:7070',
        instead: [['k:9092', '127.0.0.1:9092']],
        ready: listens,
      },
      {
        command: 'npm run receiver -- --kafka k:9092 --host 10.0.0.2 --token a-long-secret --peers ws://10.0.0.1:7070',
        instead: [['k:9092', '127.0.0.1:9092']],
        ready: listens,
      },
      {
        command: 'npm run balancer -- --receivers ws://10.0.0.1:7070,ws://10.0.0.2:7070 …',
        instead: [['…', '--token a-long-secret']],
        ready: listens,
      },
    ],
  },
  {
    name: 'backup and restore of an embedded journal',
    programs: ['sqlite3'],
    steps: [
      { command: 'npm run up -- --kafka file:./state', own: true, ready: up },
      { ...book, prints: /201 Created/ },
      {
        command:
          'mkdir backup && for file in state/*.sqlite; do sqlite3 "$file" ".backup \'backup/$(basename "$file")\'"; done',
        prints: /^$/,
      },
      { ...book, instead: [['12A', '14C']], prints: /201 Created/ },
      { command: stopAll, own: true, prints: /^$/ },
      { command: 'mkdir restored && cp backup/*.sqlite restored/', prints: /^$/ },
      { command: 'npm run up -- --kafka file:./restored', ready: up },
      { ...look, prints: /200 OK[\s\S]*ada/, untilMs: 10_000 },
      { ...look, instead: [['12A', '14C']], prints: /404 Not Found/ },
      { ...book, instead: [['12A', '15D']], prints: /201 Created/ },
    ],
  },
  {
    name: 'backup and restore of a Kafka',
    kafka: true,
    steps: [
      { command: 'npm run kafka -- --data ./kafka', own: true, ready: /ready/ },
      { command: 'npm run up -- --kafka 127.0.0.1:9092', ready: up },
      { ...book, prints: /201 Created/ },
      { command: stopAll, own: true, prints: /^$/ },
      { command: 'cp -a kafka kafka-backup', prints: /^$/ },
      { command: 'rm -r kafka', own: true, prints: /^$/ },
      { command: 'npm run kafka -- --data ./kafka-backup', ready: /ready/ },
      { command: 'npm run up -- --kafka 127.0.0.1:9092', ready: up },
      { ...look, prints: /200 OK[\s\S]*ada/, untilMs: 20_000 },
      { ...book, instead: [['12A', '15D']], prints: /201 Created/ },
    ],
  },
  {
    name: 'what state costs in memory',
    steps: [{ command: 'node bench/memory/main.ts', prints: /clients' keys/ }],
  },
  {
    name: 'formatting',
    steps: [{ command: 'npm run format', prints: /Checked \d+ files/ }],
  },
  {
    name: 'the replayed day',
    steps: [{ command: 'node bench/replayed-day/main.ts', prints: /\|/ }],
  },
  {
    name: 'the figures of consistent hashing',
    steps: [{ command: 'node --test load-balancer/strategies/consistent-hash.test.ts', prints: /fail 0/ }],
  },
  {
    name: 'help of a benchmark',
    steps: [{ command: 'npm run bench -- NAME --help', instead: [['NAME', 'writes']], prints: /--rounds/ }],
  },
  {
    name: 'the journal benchmark',
    kafka: true,
    steps: [
      {
        command: 'npm run bench -- journal',
        instead: [['journal', 'journal --rounds 1 --seconds 1 --warm-up 1 --appends 50']],
        prints: /javaProducer/,
      },
    ],
  },
  {
    name: 'the detection benchmark',
    kafka: true,
    steps: [
      {
        command: 'npm run bench -- detection',
        instead: [['detection', 'detection --minutes 0 --hangs 1 --kills 0']],
        prints: /detection/,
      },
      {
        command: 'npm run bench -- detection --minutes 2 --hangs 0 --kills 0',
        instead: [['--minutes 2', '--minutes 0.1']],
        prints: /detection/,
      },
      {
        command: 'npm run bench -- detection --minutes 10',
        instead: [['--minutes 10', '--minutes 0 --hangs 0 --kills 1']],
        prints: /detection/,
      },
    ],
  },
  {
    name: 'the failover benchmark',
    kafka: true,
    steps: [
      {
        command: 'npm run bench -- failover --kills 20',
        instead: [['--kills 20', '--rounds 1 --kills 1']],
        prints: /pause/,
      },
      {
        command: 'npm run bench -- failover --keys 0,1000,1000000',
        instead: [['0,1000,1000000', '0,1000 --rounds 1 --kills 1']],
        prints: /pause/,
      },
    ],
  },
]
