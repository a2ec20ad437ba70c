import assert from 'node:assert/strict'
import { test } from 'node:test'
import { receiverHttp } from './receiver-http.ts'

test('a receiver is asked by HTTP where it is followed by WebSocket, with TLS if that has it', () => {
  assert.equal(receiverHttp('ws://127.0.0.1:7070'), 'http://127.0.0.1:7070')
  assert.equal(receiverHttp('wss://receiver.example:7070/'), 'https://receiver.example:7070')
  assert.equal(receiverHttp('https://ws.example/'), 'https://ws.example')
})
