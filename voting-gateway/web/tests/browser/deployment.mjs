// A network of processes behind one address: four authorities, two gateways, one Redis server, and what a load balancer does.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VOTING } from './harness.mjs';

const AUTHORITIES = 4;
const GATEWAYS = 2;
/** Longest that a process takes to be ready. */
const PATIENCE = 60_000;

const isFree = (port) =>
  new Promise((resolve) => {
    const probe = net.createServer().once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });

/** So many free ports in a row. */
async function freePorts(count) {
  for (let tries = 0; tries < 200; tries++) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const ports = Array.from({ length: count }, (_, n) => first + n);
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first;
  }
  throw new Error('no free ports');
}

/** Waits until a gateway answers that it is ready. */
async function untilReady(url) {
  const until = Date.now() + PATIENCE;
  for (;;) {
    const isReady = await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
    if (isReady) return;
    if (Date.now() > until) throw new Error(`${url} is not ready`);
    await new Promise((resolve) => setTimeout(resolve, 50)); // between two looks
  }
}

/** Passes connections on to whichever of the targets it is told. */
async function startBalancer(targets) {
  const open = new Set();
  let target = targets[0];
  const server = net.createServer((socket) => {
    const through = net.connect(target, '127.0.0.1');
    const pair = [socket, through];
    for (const end of pair) {
      open.add(end);
      end.on('close', () => (open.delete(end), pair.forEach((other) => other.destroy())));
      end.on('error', () => pair.forEach((other) => other.destroy()));
    }
    socket.pipe(through).pipe(socket);
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  return {
    url: `http://localhost:${server.address().port}`,
    /** New connections go elsewhere from now on. */
    turnTo: (index) => (target = targets[index]),
    stop: () => (open.forEach((socket) => socket.destroy()), server.close()),
  };
}

/** Starts the network; `urls` are its gateways, `balanced` is one address that leads to the first until it is turned. */
export async function startDeployment() {
  const folder = mkdtempSync(join(tmpdir(), 'voting-web-'));
  const processes = [];
  process.once('exit', () => processes.forEach((child) => child.kill('SIGKILL'))); // also when a test ends by an error
  const start = (program, args) => {
    const child = spawn(program, args, { stdio: 'ignore', cwd: folder });
    processes.push(child);
    return child;
  };
  const redis = await freePorts(1);
  start('redis-server', ['--port', String(redis), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]);
  const links = await freePorts(AUTHORITIES);
  const port = await freePorts(GATEWAYS);
  const network = join(folder, 'network');
  const init = ['cluster', 'init', network, '--demo', '--redis', `redis://127.0.0.1:${redis}`];
  execFileSync(VOTING, [...init, '--authorities', AUTHORITIES, '--gateways', GATEWAYS, '--port', port, '--link-port', links].map(String));
  const names = (kind, count) => Array.from({ length: count }, (_, n) => join(network, `${kind}-${n}.toml`));
  const authorities = names('authority', AUTHORITIES).map((config) => start(VOTING, ['node', '--config', config]));
  const gateways = names('gateway', GATEWAYS).map((config) => start(VOTING, ['gateway', '--config', config]));
  const ports = gateways.map((_, n) => port + n);
  const urls = ports.map((own) => `http://localhost:${own}`);
  const balancer = await startBalancer(ports);
  const stop = async () => {
    balancer.stop();
    const ended = processes.map((child) => child.exitCode === null && child.signalCode === null && new Promise((resolve) => child.once('exit', resolve)));
    processes.forEach((child) => child.kill('SIGKILL'));
    await Promise.all(ended);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(urls.map(untilReady));
  } catch (error) {
    await stop();
    throw error;
  }
  const kill = async (child) => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  return {
    urls,
    balanced: balancer.url,
    /** Kills a gateway; the balancer leads to the other one. */
    killGateway: (index) => {
      balancer.turnTo(1 - index);
      return kill(gateways[index]);
    },
    /** Kills an authority by its name. */
    killAuthority: (name) => kill(authorities[Number(name.split('-').pop())]),
    stop,
  };
}
