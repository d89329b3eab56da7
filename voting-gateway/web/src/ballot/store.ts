/**
 * The browser's database: keys of voters, and sealed ballots until it is known what became of them. Opened for each use and
 * closed again, so that no tab stands in another's way. Where there is no database or it does not answer, that is said.
 */

const DATABASE = 'voting-ballots';
const VERSION = 1;
/** Some browsers never answer in some modes; an open takes milliseconds. */
const OPEN_MS_MAX = 5_000;

export type StoreName = 'keys' | 'pending';
/** Account and election. */
export type StoreKey = readonly [accountId: string, electionId: string];

/** Why something could not be kept in or read from the browser. */
export class StoreError extends Error {
  override readonly name = 'StoreError';

  constructor(
    readonly code: 'unavailable' | 'blocked' | 'full' | 'unstorable' | 'failed',
    detail: string,
  ) {
    super(detail);
  }
}

export function read(store: StoreName, key: StoreKey): Promise<unknown> {
  return inTransaction(store, 'readonly', (objects) => objects.get([...key]));
}

export async function write(store: StoreName, key: StoreKey, value: unknown): Promise<void> {
  await inTransaction(store, 'readwrite', (objects) => objects.put(value, [...key]));
}

export async function remove(store: StoreName, key: StoreKey): Promise<void> {
  await inTransaction(store, 'readwrite', (objects) => objects.delete([...key]));
}

/** Keeps a value unless there is one, in one step: of several tabs, one is first, and all get what it kept. */
export async function readOrAdd(store: StoreName, key: StoreKey, value: unknown): Promise<unknown> {
  let kept = value;
  let refused: unknown;
  const added = inTransaction(store, 'readwrite', (objects) => {
    const there = objects.get([...key]);
    there.onsuccess = () => {
      if (there.result !== undefined) {
        kept = there.result as unknown;
        return;
      }
      try {
        objects.add(value, [...key]);
      } catch (error) {
        refused = error;
        objects.transaction.abort();
      }
    };
    return there;
  });
  await added.catch((error: unknown) => {
    throw named(refused ?? error);
  });
  return kept;
}

function open(): Promise<IDBDatabase> {
  const factory = globalThis.indexedDB as IDBFactory | undefined;
  if (!factory)
    return Promise.reject(new StoreError('unavailable', 'this browser keeps nothing for pages: IndexedDB is missing'));
  return new Promise((resolve, reject) => {
    let request: IDBOpenDBRequest;
    try {
      request = factory.open(DATABASE, VERSION);
    } catch (error) {
      reject(named(error));
      return;
    }
    let tooLate = false;
    const late = setTimeout(() => {
      tooLate = true;
      reject(new StoreError('blocked', 'the browser’s database does not answer'));
    }, OPEN_MS_MAX);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('keys');
      request.result.createObjectStore('pending');
    };
    request.onerror = () => {
      clearTimeout(late);
      reject(
        new StoreError(
          'unavailable',
          `the browser’s database cannot be opened: ${request.error?.message ?? 'no reason given'}`,
        ),
      );
    };
    request.onsuccess = () => {
      clearTimeout(late);
      if (tooLate) request.result.close();
      resolve(request.result);
    };
  });
}

/** Runs requests in one transaction; resolves with the result of the one returned once all of it is on disk. */
async function inTransaction<T>(
  store: StoreName,
  mode: IDBTransactionMode,
  ask: (objects: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(store, mode);
      const request = ask(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error('given up by the browser'));
    });
  } catch (error) {
    throw named(error);
  } finally {
    database.close();
  }
}

function named(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  if (name === 'QuotaExceededError') return new StoreError('full', 'the browser has no room left for this page');
  if (name === 'DataCloneError') return new StoreError('unstorable', message);
  if (name === 'SecurityError')
    return new StoreError('unavailable', `the browser does not let this page keep anything: ${message}`);
  return new StoreError('failed', message);
}
