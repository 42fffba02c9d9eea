// 8.2 Broadcast chat that nobody can read on the way: the client, in Node.
//
//     node client.js [--certificate FILE] [PORT]

import fs from 'node:fs';
import tls from 'node:tls';

const words = process.argv.slice(2);
const option = words.indexOf('--certificate');
const built = new URL('../../../target/debug/chat-certificate.pem', import.meta.url);
const certificate = option < 0 ? built : words.splice(option, 2)[1];
const port = Number(words[0] ?? 3000);

// Only this certificate is trusted. Without `ca`, Node trusts the list that it brings along.
const client = tls.connect({ port, host: '127.0.0.1', ca: fs.readFileSync(certificate) });

client.on('secureConnect', () => {
  process.stdin.pipe(client);
});

client.on('data', (data) => {
  process.stdout.write(data);
});

client.on('close', () => {
  process.exit(); // process.stdin would keep the program waiting for the keyboard
});

client.on('error', (error) => {
  console.error(`cannot trust 127.0.0.1:${port}, or have lost it: ${error.message}`);
  process.exitCode = 1;
});
