// 6.2.1 The server in four events, in Node.
//
//     node server.js [PORT]

import net from 'node:net';

const server = net.createServer();

server.on('listening', () => {
  console.log('服务器监听成功了，正在等待客户端连接'); // listening, and waiting for clients
  console.error(`listening on 127.0.0.1:${server.address().port}`);
});

server.on('connection', (socket) => {
  console.log('有客户端连接上来了'); // a client has connected
  socket.resume(); // unread data would hide the client's end
  socket.on('error', () => {}); // without this, a client's reset would end the server
});

server.on('close', () => {
  console.log('服务器关闭了'); // the server has closed
  process.exit();
});

server.on('error', (error) => {
  console.error(`cannot listen: ${error.message}`);
  process.exitCode = 1;
});

process.on('SIGINT', () => server.close());

server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1');
