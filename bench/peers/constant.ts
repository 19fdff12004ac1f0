import { createServer } from 'node:http';

/** The floor: an HTTP server that reads the body and sends the same bytes each time. */
const body = Buffer.from(
  JSON.stringify({
    data: {
      _entities: [{ id: '00000000-0000-4000-8000-000000000000', displayName: null, status: 'ACTIVE' }],
    },
  }),
);

createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
