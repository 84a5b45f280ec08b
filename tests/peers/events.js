// Streams by Node's own servers, for the tests: the same as those of tests/peers/events.py.
//
// Usage: events.js LOG http|http2. Prints its port, logs how each stream ended and how many events it had, and ends
// when its standard input closes.
const fs = require('fs')
const [file, version] = process.argv.slice(2)

const TOKENS = 12
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const event = data => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`

const streams = {
  async *chat() {
    const delta = delta => event({ choices: [{ index: 0, delta }] })
    yield delta({ role: 'assistant', content: '' })
    for (let number = 0; number < TOKENS; number++) {
      await sleep({ 0: 60, [TOKENS - 1]: 80 }[number] ?? 10)
      yield delta({ content: ` word${number} é` })
    }
    yield event({ choices: [], usage: { completion_tokens: 2 * TOKENS } })
    yield event('[DONE]')
  },
  async *no_end() {
    for (let number = 0; number < 3; number++) {
      yield event(String(number))
      await sleep(5)
    }
  },
  async *cut() {
    yield* streams.no_end()
    throw new Error('cut')
  },
  async *fields() {
    yield '\ufeff: a comment\r\nevent: tick\r\nid: 1\r\nretry: 10\r\ndata: 1\r\ndata:2\r\n\r\n'
    yield 'event: empty\n\ndata\n\n'
    yield 'data: 3\r\r'
    await sleep(10)
    yield ': ping\n\ndata: [DONE]\n\n'
  },
  async *lines() {
    for (let n = 0; n < 5; n++) {
      yield JSON.stringify({ n }) + (n === 2 ? '\n\n' : '\n')
      await sleep(5)
    }
  },
  async *endless() {
    for (;;) {
      yield event('more')
      await sleep(5)
    }
  },
}

async function serve(request, response) {
  const name = request.url.slice(1)
  request.resume()
  const type = name === 'lines' ? 'application/x-ndjson' : 'text/event-stream; charset=utf-8'
  response.writeHead(200, { 'content-type': type })
  let [count, how, gone] = [0, 'cut', false]
  response.on('close', () => { gone = true })
  try {
    for await (const piece of streams[name]()) {
      if (gone) break
      count++
      response.write(piece)
    }
    if (!gone) {
      how = 'whole'
      response.end()
    }
  } catch {
    if (version === 'http2') response.stream.close(2)
    else request.socket.destroy()
  }
  fs.appendFileSync(file, `${name} ${how} ${count}\n`)
}

const server = require(version).createServer(serve)
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit()).resume()
