// 7.1 Messages that may hold anything, the server, in Node: a length comes before each of them.
//
//     node server.js [PORT]

import net from 'node:net';

const LONGEST = 65536; // bytes of a message
const LENGTH = 4; // bytes of its length, big-endian
const TO_HEAR_IT = 5000; // milliseconds

const server = net.createServer();
const users = new Set();

const frame = (...parts) => {
  const message = Buffer.concat(parts);
  const length = Buffer.alloc(LENGTH);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
};

const refuse = (socket) => {
  users.delete(socket);
  socket.removeAllListeners('data');
  socket.resume(); // throw away what it still sends, so that it hears why
  socket.end(frame(Buffer.from(`一条消息最多${LONGEST}字节`))); // a message has at most 65536 bytes
  setTimeout(() => socket.destroy(), TO_HEAR_IT).unref();
};

server.on('connection', (socket) => {
  const label = Buffer.from(`${socket.remotePort}:`);
  let arrived = Buffer.alloc(0);
  users.add(socket);
  socket.setNoDelay();
  socket.on('data', (data) => {
    arrived = Buffer.concat([arrived, data]);
    while (arrived.length >= LENGTH) {
      const length = arrived.readUInt32BE();
      if (length > LONGEST) {
        return refuse(socket);
      }
      if (arrived.length < LENGTH + length) {
        return;
      }
      const message = arrived.subarray(LENGTH, LENGTH + length);
      arrived = arrived.subarray(LENGTH + length);
      for (const user of users) {
        if (user !== socket) {
          user.write(frame(label, message));
        }
      }
    }
  });
  socket.on('error', () => {}); // 'close' comes next
  socket.on('close', () => {
    users.delete(socket);
    console.log('有客户端退出了'); // a client has left
  });
});

server.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`server listening at port ${port}`);
  console.error(`listening on 127.0.0.1:${port}`);
});
