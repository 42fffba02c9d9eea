// 6.2.2.3 Two-way talk, the server, in Node.
//
//     node server.js [PORT]

import net from 'node:net';

const server = net.createServer();

server.on('connection', (socket) => {
  socket.on('data', (data) => {
    console.log(data.toString());
    socket.write('我吃的小豆包'); // I had bean-paste buns
  });
  socket.on('error', () => {});
});

server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`server listening at port ${port}`);
  console.error(`listening on 127.0.0.1:${port}`);
});
