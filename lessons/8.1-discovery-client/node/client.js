// 8.1 Datagrams, the client, in Node: it asks who serves a chat.
//
//     node client.js [PORT] [HOST]

import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';

const port = Number(process.argv[2] ?? 3000);
const host = process.argv[3] ?? '127.0.0.1';

const id = randomBytes(8).toString('hex'); // a new random number each time
const question = `chat-discovery/1 who ${id} `.padEnd(127, '.') + '\n';
const answer = new RegExp(`^chat-discovery/1 here ${id} ([0-9]{1,5}) (.{1,64})\n?$`, 'u');

const MOST = 100;
const found = new Set();
const socket = dgram.createSocket('udp4');

// One event is one datagram, whole.
socket.on('message', (datagram, from) => {
  const [, chat, name] = answer.exec(datagram) ?? [];
  if (!chat || from.port !== port || found.size === MOST) {
    return;
  }
  const harmless = name.replace(/\p{C}|[\u2028\u2029]/gu, '\ufffd');
  const lines =
    `发现聊天室：${harmless}（来自 ${from.address}）\n` + // found a chat room: NAME (from ADDRESS)
    `cargo run -p lesson-broadcast-client -- ${from.address}:${chat}`;
  if (!found.has(lines)) {
    found.add(lines);
    console.log(lines);
  }
});

socket.on('error', (error) => {
  console.error(`cannot ask ${host}:${port}: ${error.message}`);
  process.exitCode = 1;
  socket.close();
});

// There is nothing to connect to. `bind` gives the socket a port, to which the answers go.
socket.bind(() => {
  socket.setBroadcast(true);
  const rounds = [0, 333, 667].map((time) => setTimeout(() => socket.send(question, port, host), time));
  const end = setTimeout(() => socket.close(), 1000);
  socket.on('close', () => [...rounds, end].forEach(clearTimeout));
});
