/**
 * The first frame: who asks, and from where the channels go on.
 */
import type { Channel } from './channel';
import { type ClientFrame, writeFrame } from './frames';

/** The largest frame that a gateway takes. */
const MAX_BYTES = 4_096;

/** Marks as asked for what it resumes; what does not fit is left to be asked for after it. */
export function helloFrame(token: string | null, channels: Iterable<Channel>): ClientFrame {
  let frame: Extract<ClientFrame, { t: 'hello' }> = { t: 'hello', ...(token !== null && { token }) };
  for (const channel of channels) {
    const after = channel.resumePosition;
    if (!after) continue;
    const longer = { ...frame, resume: { ...frame.resume, [channel.name]: after.text } };
    if (new TextEncoder().encode(writeFrame(longer)).length > MAX_BYTES) break;
    channel.ask();
    frame = longer;
  }
  return frame;
}
