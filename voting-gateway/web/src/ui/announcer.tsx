/** The one live region of the application. Messages that come together are said one after the other. */
import { useEffect, useState } from 'react';

/** Time that a screen reader needs to notice a message before the next replaces it. */
const APART_MS = 900;

const queue: string[] = [];
let speak: (() => void) | null = null;

export function announce(message: string): void {
  queue.push(message);
  speak?.();
}

export function Announcer() {
  const [message, setMessage] = useState('');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const next = (): void => {
      timer = null;
      const first = queue.shift();
      if (first === undefined) return;
      setMessage(first);
      timer = setTimeout(next, APART_MS);
    };
    speak = () => {
      if (timer === null) next();
    };
    speak();
    return () => {
      speak = null;
      if (timer !== null) clearTimeout(timer);
    };
  }, []);
  return (
    <div role="status" className="visually-hidden">
      {message}
    </div>
  );
}
