import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Deadline } from '../../../src/http/deadline';

const responseWith = (state: { destroyed: boolean; writableFinished: boolean }) =>
  Object.assign(new EventEmitter(), state) as EventEmitter & typeof state & ServerResponse;

describe('Deadline', () => {
  it('aborted remembers a disconnect that it has seen, although the response finishes later', () => {
    const response = responseWith({ destroyed: true, writableFinished: false });
    const deadline = new Deadline(response);
    expect(deadline.aborted).toBe(true);
    Object.assign(response, { writableFinished: true });
    expect(deadline.aborted).toBe(true);
  });

  it('signal aborts for a client that disconnects before or after it is read, and not for a finished response', () => {
    const gone = new Deadline(responseWith({ destroyed: true, writableFinished: false }));
    expect(gone.signal.aborted).toBe(true);
    for (const writableFinished of [false, true]) {
      const response = responseWith({ destroyed: false, writableFinished: false });
      const deadline = new Deadline(response);
      expect([deadline.signal.aborted, deadline.aborted]).toEqual([false, false]);
      Object.assign(response, { writableFinished });
      response.emit('close');
      expect([deadline.signal.aborted, deadline.aborted]).toEqual([!writableFinished, !writableFinished]);
    }
  });
});
