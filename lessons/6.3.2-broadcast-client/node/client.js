// 6.3.2 Broadcast chat, the client, in Node. Like the original, it trims the newline away.
//
//     node client.js [PORT]

import net from 'node:net';

const client = net.createConnection({ port: Number(process.argv[2] ?? 3000), host: '127.0.0.1' });

client.on('connect', () => {
  process.stdin.on('data', (data) => {
    client.write(data.toString().trim());
  });
});

client.on('data', (data) => {
  console.log(data.toString());
});

client.on('close', () => {
  process.exit(); // process.stdin would keep the program waiting for the keyboard
});

client.on('error', (error) => {
  console.error(`lost the connection, or never had it: ${error.message}`);
  process.exitCode = 1;
});
