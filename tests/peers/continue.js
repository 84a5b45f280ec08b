// A server of HTTP/2 by Node, without TLS, for the tests. By the path it decides what it says to a request that waits with
// its body: `/ask` asks for it, `/refuse` answers with 417, and every other waits for what comes. It answers with
// the expectation of the request and how many bytes came.
//
// Usage: continue.js. Prints its port, and ends when its standard input closes.
const server = require('http2').createServer()
server.on('stream', (stream, headers) => {
  const expected = headers.expect ?? 'nothing'
  stream.on('error', () => {})
  if (headers[':path'] === '/refuse') {
    stream.respond({ ':status': 417 })
    stream.end('refused')
    return
  }
  if (headers[':path'] === '/ask') stream.additionalHeaders({ ':status': 100 })
  let length = 0
  stream.on('data', data => { length += data.length })
  stream.on('end', () => {
    stream.respond({ ':status': 200 })
    stream.end(`${expected} ${length}`)
  })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('close', () => process.exit(0)).resume()
