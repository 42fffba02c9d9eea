// 6.3.1 Keyboard input, in Node.
//
//     node echo.js

process.stdin.on('data', (data) => {
  console.log(data.toString().trim()); // without the newline that Enter has added
});
