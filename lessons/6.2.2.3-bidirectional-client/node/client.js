// 6.2.2.3 Two-way talk, the client, in Node.
//
//     node client.js [PORT]

import net from 'node:net';

const client = net.createConnection({ port: Number(process.argv[2] ?? 3000) }); // on localhost

client.on('connect', () => {
  console.log('客户端与服务器连接成功了'); // the client is connected to the server
  client.write('你吃了吗'); // have you eaten?
});

client.on('data', (data) => {
  console.log(data.toString());
});

client.on('error', (error) => {
  console.error(`lost the connection, or never had it: ${error.message}`);
  process.exitCode = 1;
});
