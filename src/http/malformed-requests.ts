import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorBody } from './error-responses';

interface Answer {
  readonly status: number;
  readonly message: string;
}

const tooSlow: Answer = { status: 408, message: 'The request came too slowly' };
const tooMuch: Answer = { status: 431, message: 'The headers are too large' };
const malformed: Answer = { status: 400, message: 'This is not a valid HTTP request' };
const answers: Readonly<Record<string, Answer>> = {
  ERR_HTTP_REQUEST_TIMEOUT: tooSlow,
  HPE_HEADER_OVERFLOW: tooMuch,
};

/** Answers what never became a request, in the one shape of errors; there is no request id to tell. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { status, message } = answers[error.code ?? ''] ?? malformed;
  const body = JSON.stringify(errorBody(message, { code: 'BAD_REQUEST' }));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json`;
  if (socket.writable) socket.write(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  socket.destroy(error);
}

/** Answers a request whose URL cannot be decoded, without repeating it. */
export function answerMalformedUrl(_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  void reply
    .code(400)
    .header('x-request-id', request.id)
    .send(errorBody('The URL is not valid', { code: 'BAD_REQUEST', requestId: request.id }));
}
