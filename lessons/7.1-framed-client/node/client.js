// 7.1 Messages that may hold anything, the client, in Node: it sends lines, or a whole file.
//
//     node client.js [--file PATH] [PORT]

import fs from 'node:fs';
import net from 'node:net';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const LONGEST = 65536; // bytes of a message
const LABEL = 6; // bytes of the longest `<port>:` that the server puts before it
const LENGTH = 4; // bytes of its length, big-endian

const { values, positionals } = parseArgs({
  options: { file: { type: 'string' } },
  allowPositionals: true,
});
const file = values.file && fs.createReadStream(values.file, { highWaterMark: LONGEST });
const server = net.createConnection({ port: Number(positionals[0] ?? 3000), host: '127.0.0.1' });

const say = (message) => {
  const length = Buffer.alloc(LENGTH);
  length.writeUInt32BE(message.length);
  return server.write(Buffer.concat([length, message]));
};

// A message is one line on the screen, whatever it holds.
const show = (message) => {
  const text = message.toString();
  if (Buffer.from(text).equals(message)) {
    console.log(text.replace(/\p{C}|[\u2028\u2029]/gu, (character) => {
      const code = character.codePointAt(0);
      return code === 9 ? '\t' : code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
    }));
  } else {
    const label = message.subarray(0, message.indexOf(':') + 1);
    console.log(`${label} <${message.length - label.length} bytes>`);
  }
};

server.on('connect', () => {
  if (file) {
    file.on('data', (part) => {
      if (!say(part)) {
        file.pause();
        server.once('drain', () => file.resume());
      }
    });
    file.on('end', () => server.end());
  } else {
    const keyboard = readline.createInterface({ input: process.stdin });
    keyboard.on('line', (line) => {
      const text = Buffer.from(line.trim());
      for (let start = 0; start < text.length; start += LONGEST) {
        say(text.subarray(start, start + LONGEST));
      }
    });
    keyboard.on('close', () => server.end());
  }
});

let arrived = Buffer.alloc(0);
server.on('data', (data) => {
  arrived = Buffer.concat([arrived, data]);
  while (arrived.length >= LENGTH) {
    const length = arrived.readUInt32BE();
    if (length > LABEL + LONGEST) {
      server.destroy(new Error(`a message of ${length} bytes is announced, which is too long`));
      return;
    }
    if (arrived.length < LENGTH + length) {
      return;
    }
    show(arrived.subarray(LENGTH, LENGTH + length));
    arrived = arrived.subarray(LENGTH + length);
  }
});

server.on('close', () => {
  process.exit(); // process.stdin would keep the program waiting for the keyboard
});

for (const source of [server, file].filter(Boolean)) {
  source.on('error', (error) => {
    console.error(`cannot go on: ${error.message}`);
    process.exitCode = 1;
    server.destroy();
  });
}
