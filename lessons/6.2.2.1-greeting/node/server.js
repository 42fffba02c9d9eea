// 6.2.2.1 Greeting, in Node.
//
//     node server.js [PORT]

import net from 'node:net';

const server = net.createServer();

server.on('connection', (socket) => {
  console.log('有客户端连接上来了'); // a client has connected
  console.log(`客户端IP地址：${socket.remoteAddress}连接到了当前服务器`); // a client at this address has connected
  socket.write('hello');
  socket.resume();
  socket.on('error', () => {});
});

server.on('listening', () => {
  console.log('服务器监听成功了，正在等待客户端连接'); // listening, and waiting for clients
  console.error(`listening on 127.0.0.1:${server.address().port}`);
});

server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1');
