import { expect, it } from 'vitest'
import { addressInWords, clientInWords } from './client-text.ts'

it.each([
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) deployx/0.1.0 Chrome/130.0 Electron/33.2.1 Safari/537.36',
    'DeployX on Linux',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Firefox on Windows',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15',
    'Safari on macOS',
  ],
  ['curl/8.5.0', 'curl'],
  ['', 'Unknown program'],
  [null, 'Unknown program'],
])('names %s', (client, words) => {
  expect(clientInWords(client)).toBe(words)
})
it('describes where a session comes from', () => {
  expect(addressInWords('127.0.0.1')).toBe('the controller’s computer')
  expect(addressInWords('192.168.1.20')).toBe('192.168.1.20')
  expect(addressInWords(null)).toBe('unknown address')
})
