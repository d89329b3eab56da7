/** Seals beside the page, which stays quick; ending the worker forgets all that it knew. */
import { newTasks, type Task } from './task';

const perform = newTasks();
addEventListener('message', ({ data }: MessageEvent<Task>) => postMessage(perform(data)));
