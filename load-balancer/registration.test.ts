import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRegistration } from './registration.ts'

test('a backend is named by a URL, with a name and a weight if wished', () => {
  const cases: [string, unknown][] = [
    ['http://10.0.0.1:3000', { name: '10.0.0.1:3000', url: 'http://10.0.0.1:3000/', weight: 1 }],
    ['10.0.0.1:3000', { name: '10.0.0.1:3000', url: 'http://10.0.0.1:3000/', weight: 1 }],
    ['http://api.example/v1', { name: 'api.example:80', url: 'http://api.example/v1', weight: 1 }],
    ['https://api.example', { name: 'api.example:443', url: 'https://api.example/', weight: 1 }],
    ['a=http://[::1]:3000*2.5', { name: 'a', url: 'http://[::1]:3000/', weight: 2.5 }],
    ['a=[::1]:3000', { name: 'a', url: 'http://[::1]:3000/', weight: 1 }],
  ]
  for (const [text, expected] of cases) assert.deepEqual(parseRegistration(text), expected, text)
})

test('what names no backend is none', () => {
  const wrong = [
    '',
    'a',
    'ftp://a:1',
    'a b=http://c',
    'http://u:p@a',
    'http://a/?q',
    'http://a*0',
    'http://a*x',
    'a=',
    'host:',
  ]
  for (const text of [...wrong, 'http://a#b', 'http://a:99999', `${'n'.repeat(129)}=http://a`])
    assert.equal(parseRegistration(text), undefined, text)
})
