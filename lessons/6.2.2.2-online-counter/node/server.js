// 6.2.2.2 Online counter, in Node. Like the original, it counts up only.
//
//     node server.js [PORT]

import net from 'node:net';

const server = net.createServer();
let count = 0;

server.on('connection', (socket) => {
  count += 1;
  console.log(`welcome,当前在线人数：${count}`); // now online: n
  socket.write(`remoteAddress${socket.remoteAddress}\n`);
  socket.write(`remotePort${socket.remotePort}`);
  socket.resume();
  socket.on('error', () => {});
});

server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`server listening at port ${port}`);
  console.error(`listening on 127.0.0.1:${port}`);
});
