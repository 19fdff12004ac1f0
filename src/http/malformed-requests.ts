import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorBody } from './error-responses';

interface ClientErrorResponse {
  readonly status: number;
  readonly message: string;
}

const timedOut: ClientErrorResponse = { status: 408, message: 'The request was not received in time.' };
const headersTooLarge: ClientErrorResponse = { status: 431, message: 'The request headers are too large.' };
const malformed: ClientErrorResponse = { status: 400, message: 'The request is not valid HTTP.' };
const responses: Readonly<Record<string, ClientErrorResponse>> = {
  ERR_HTTP_REQUEST_TIMEOUT: timedOut,
  HPE_HEADER_OVERFLOW: headersTooLarge,
};

/** Responds to bytes that could not be parsed as a request. The error has no request id. */
export function respondToClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { status, message } = responses[error.code ?? ''] ?? malformed;
  const body = JSON.stringify(errorBody(message, { code: 'BAD_REQUEST' }));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json`;
  if (socket.writable) socket.write(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  socket.destroy(error);
}

/** Responds with 400 to a URL that cannot be decoded, without repeating it. */
export function respondToMalformedUrl(_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  void reply
    .code(400)
    .header('x-request-id', request.id)
    .send(errorBody('The URL is not valid.', { code: 'BAD_REQUEST', requestId: request.id }));
}
