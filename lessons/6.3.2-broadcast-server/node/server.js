// 6.3.2 Broadcast chat, the server, in Node. Like the original, it puts the receiver's own port
// before what it passes on, keeps writing to clients that have left, and sends no newlines.
//
//     node server.js [PORT]

import net from 'node:net';

const server = net.createServer();
const users = [];

server.on('connection', (socket) => {
  users.push(socket);
  socket.on('data', (data) => {
    const text = data.toString().trim();
    for (const client of users) {
      if (client !== socket) {
        client.write(`${client.remotePort}:${text}`);
      }
    }
  });
  socket.on('error', () => {
    console.log('有客户端退出了'); // a client has left
  });
});

server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`server listening at port ${port}`);
  console.error(`listening on 127.0.0.1:${port}`);
});
