(window.recordings ??= {})["socket-events"] = {
  "made_by": "cargo run -p recorder -- socket-events",
  "terminals": [
    {"title":"cargo run -p lesson-socket-events","port":50002},
    {"title":"its peer, a thread of the same program","port":50001}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-socket-events`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-socket-events\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `listen` in `bind` returned: from now on clients can connect (*listening*).",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":21,"name":"listen","within":"bind","value":"ok"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":21,"call":"listen → ok"}
      ]
    },
    {
      "caption": "In thread `main`, `to_socket_addrs` has looked up the name, here in the file /etc/hosts (*lookup*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":40,"name":"lookup","within":"to_socket_addrs","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"lookup: localhost:50001 stands for 1 address(es): [127.0.0.1:50001]\n","by":["main",0,41]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":40,"call":"lookup → ok"}
      ]
    },
    {
      "caption": "In thread `main`, `connect` returned: the connection is made (*connect*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":48,"name":"connect","value":"ok"}
      ],
      "because": 2,
      "screen": [
        {"terminal":1,"text":"connect: from port 50002 to port 50001\n","by":["main",0,50]}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50002,"flags":"S"},
        {"from":2,"to":1,"connection":50002,"flags":"S."},
        {"from":1,"to":2,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":48,"call":"connect → ok"},
        {"terminal":2,"thread":"peer","source":1,"line":33,"call":"accept","waits":true}
      ]
    },
    {
      "caption": "In thread `peer`, `accept` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":33,"name":"accept","value":"50002"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":48,"call":"connect"},
        {"terminal":2,"thread":"peer","source":1,"line":33,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "In thread `peer`, the listener is dropped, so nobody can connect any more (*close*).",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":34,"name":"close","within":"drop","value":"ok"}
      ],
      "threads": [
        {"terminal":2,"thread":"peer","source":1,"line":34,"call":"close → ok"}
      ]
    },
    {
      "caption": "In thread `peer`, `write` in `write_all` returned 5: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":35,"name":"write","within":"write_all","value":"5"}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50002,"flags":"P.","bytes":5,"data":"hello"},
        {"from":1,"to":2,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":2,"thread":"peer","source":1,"line":35,"call":"write → 5"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned 5: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":57,"name":"read","value":"5"}
      ],
      "because": 4,
      "screen": [
        {"terminal":1,"text":"data: read returned 5 bytes\n","by":["main",0,58]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":57,"call":"read → 5"},
        {"terminal":2,"thread":"peer","source":1,"line":36,"call":"recv","waits":true}
      ]
    },
    {
      "caption": "In thread `main`, `read` gave up waiting: the time is up (*timeout*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":67,"name":"read","value":"WouldBlock"}
      ],
      "screen": [
        {"terminal":1,"text":"timeout: read gave up after 106 ms of silence\n","by":["main",0,71]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":67,"call":"read → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `write` has returned 62 times, 4,005,888 bytes in all.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":83,"name":"write","value":"4005888","times":62}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50002,"flags":".","bytes":113152,"times":3},
        {"from":2,"to":1,"connection":50002,"flags":".","times":2}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":83,"call":"write → 65536"}
      ]
    },
    {
      "caption": "In thread `main`, `write` returned `WouldBlock`: the kernel's buffer is full.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":83,"name":"write","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":83,"call":"write → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `peer`, `shutdown` returned: nothing more will be sent.",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":39,"name":"shutdown","value":"ok"}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50002,"flags":"F."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":83,"call":"write"},
        {"terminal":2,"thread":"peer","source":1,"line":39,"call":"shutdown → ok"}
      ]
    },
    {
      "caption": "In thread `peer`, `read` has returned 542 times, 4,306,432 bytes in all.",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"name":"read","within":"copy","value":"4306432","times":542}
      ],
      "because": 6,
      "wire": [
        {"from":2,"to":1,"connection":50002,"flags":".","times":90}
      ],
      "threads": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read → 8192"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_all` returned 4,005,888: it has waited until there was room (*drain*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":93,"name":"write","within":"write_all","value":"4005888"}
      ],
      "because": 9,
      "screen": [
        {"terminal":1,"text":"drain: 4005888 bytes filled the buffers, writing as many again took 1424487 µs\n","by":["main",0,95]}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50002,"flags":".","bytes":4272128,"times":90}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":93,"call":"write → 4005888"},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In thread `peer`, `read` has returned 2 times, 16,384 bytes in all.",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"name":"read","within":"copy","value":"16384","times":2}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":93,"call":"write"},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read → 8192"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":102,"name":"read","value":"0"}
      ],
      "because": 8,
      "screen": [
        {"terminal":1,"text":"end: read returned 0 bytes, the peer has sent its FIN\n","by":["main",0,104]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":102,"call":"read → 0"},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read"}
      ]
    },
    {
      "caption": "In thread `peer`, `read` has returned 3 times, 24,576 bytes in all.",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"name":"read","within":"copy","value":"24576","times":3}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":102,"call":"read"},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read → 8192"}
      ]
    },
    {
      "caption": "In thread `main`, `connect` returned the error `ConnectionRefused` (*error*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":112,"name":"connect","value":"ConnectionRefused"}
      ],
      "because": 12,
      "screen": [
        {"terminal":1,"text":"error: a second connect to port 50001: Connection refused (os error 111)\n","by":["main",0,113]}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50003,"flags":"S"},
        {"from":2,"to":1,"connection":50003,"flags":"R."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":112,"call":"connect → ConnectionRefused"},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In thread `peer`, `read` has returned 6 times, 46,080 bytes in all.",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"name":"read","within":"copy","value":"46080","times":6}
      ],
      "because": 10,
      "wire": [
        {"from":2,"to":1,"connection":50002,"flags":".","times":2},
        {"from":1,"to":2,"connection":50002,"flags":".","bytes":95232,"times":2}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":112,"call":"connect"},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read → 8192"}
      ]
    },
    {
      "caption": "In thread `main`, the socket is dropped, which closes it (*close*). The FIN follows when the kernel has sent all bytes before it.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":122,"name":"close","within":"drop","value":"ok"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":122,"call":"close → ok"},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read"}
      ]
    },
    {
      "caption": "In thread `peer`, `read` has returned 456 times, 3,618,304 bytes in all.",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"name":"read","within":"copy","value":"3618304","times":456}
      ],
      "because": 14,
      "wire": [
        {"from":2,"to":1,"connection":50002,"flags":".","times":76},
        {"from":1,"to":2,"connection":50002,"flags":".","bytes":3523584,"times":74},
        {"from":1,"to":2,"connection":50002,"flags":"FP.","bytes":7680}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":51,"call":"join","waits":true},
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read → 8192"}
      ]
    },
    {
      "caption": "In thread `peer`, `read` in `copy` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"name":"read","within":"copy","value":"0"}
      ],
      "because": 17,
      "threads": [
        {"terminal":2,"thread":"peer","source":1,"line":40,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `join` has returned, and a line is printed in terminal 1.",
      "screen": [
        {"terminal":1,"text":"close: the socket is dropped, and all 8011776 bytes have arrived before our FIN\n","by":["main",0,125]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":51,"call":"join"}
      ],
      "ended": [[2,"peer"]]
    },
    {
      "caption": "The program in terminal 1 has ended, with exit status 0.",
      "ended": [[1,"main"]]
    }
  ],
  "sources": [
    {"file": "lessons/6.2.2-socket-events/src/main.rs", "lines": [
      [39,"fn lookup(name: &str) -> Result<Vec<SocketAddr>> {"],
      [40,"    let found: Vec<SocketAddr> = name.to_socket_addrs().context(\"lookup\")?.collect();"],
      [41,"    print_line!(\"lookup: {name} stands for {} address(es): {found:?}\", found.len());"],
      [42,"    Ok(found)"],
      [43,"}"],
      [45,""],
      [47,"fn connect(addresses: &[SocketAddr]) -> Result<TcpStream> {"],
      [48,"    let socket = TcpStream::connect(addresses).context(\"connect\")?;"],
      [49,"    let (ours, theirs) = (socket.local_addr()?.port(), socket.peer_addr()?.port());"],
      [50,"    print_line!(\"connect: from port {ours} to port {theirs}\");"],
      [51,"    Ok(socket)"],
      [52,"}"],
      [54,""],
      [56,"fn data(socket: &mut TcpStream) -> Result<()> {"],
      [57,"    let received = uninterrupted(|| socket.read(&mut [0; 1024])).context(\"data\")?;"],
      [58,"    print_line!(\"data: read returned {received} bytes\");"],
      [59,"    Ok(())"],
      [60,"}"],
      [62,""],
      [64,"fn timeout(socket: &mut TcpStream) -> Result<()> {"],
      [65,"    socket.set_read_timeout(Some(Duration::from_millis(100)))?;"],
      [66,"    let start = Instant::now();"],
      [67,"    match uninterrupted(|| socket.read(&mut [0; 1024])) {"],
      [68,"        Err(error) if timed_out(socket, &error) => {}"],
      [69,"        other => bail!(\"the peer was to be silent, but read returned {other:?}\"),"],
      [70,"    }"],
      [71,"    print_line!(\"timeout: read gave up after {} ms of silence\", start.elapsed().as_millis());"],
      [72,"    socket.set_read_timeout(None)?;"],
      [73,"    Ok(())"],
      [74,"}"],
      [76,""],
      [78,"/// Returns the number of bytes that were written."],
      [79,"fn drain(socket: &mut TcpStream, peer: &Peer) -> Result<usize> {"],
      [80,"    socket.set_nonblocking(true)?; // from here on, a write that would block returns an error"],
      [81,"    let mut filled = 0;"],
      [82,"    loop {"],
      [83,"        match uninterrupted(|| socket.write(&[b'.'; 64 * 1024])) {"],
      [84,"            Ok(accepted) => filled += accepted,"],
      [85,"            Err(error) if error.kind() == ErrorKind::WouldBlock => break,"],
      [86,"            Err(error) => return Err(error).context(\"drain\"),"],
      [87,"        }"],
      [88,"    }"],
      [89,"    socket.set_nonblocking(false)?;"],
      [90,""],
      [91,"    let start = Instant::now();"],
      [92,"    peer.read_to_the_end(); // so far, the peer has not read a byte"],
      [93,"    socket.write_all(&vec![b'.'; filled]).context(\"drain\")?; // waits until it has read enough"],
      [94,"    let waited = start.elapsed().as_micros();"],
      [95,"    print_line!(\"drain: {filled} bytes filled the buffers, writing as many again took {waited} µs\");"],
      [96,"    Ok(2 * filled)"],
      [97,"}"],
      [99,""],
      [101,"fn end(socket: &mut TcpStream) -> Result<()> {"],
      [102,"    let received = uninterrupted(|| socket.read(&mut [0; 1024])).context(\"end\")?;"],
      [103,"    ensure!(received == 0, \"the peer was to end, but read returned {received} bytes\");"],
      [104,"    print_line!(\"end: read returned {received} bytes, the peer has sent its FIN\");"],
      [105,"    Ok(())"],
      [106,"}"],
      [108,""],
      [110,"/// Connects again, although the peer stopped listening once it had accepted a connection."],
      [111,"fn error(peer: SocketAddr) -> Result<()> {"],
      [112,"    match TcpStream::connect(peer) {"],
      [113,"        Err(error) => print_line!(\"error: a second connect to port {}: {error}\", peer.port()),"],
      [114,"        Ok(_) => bail!(\"a second connect to {peer} was to be refused\"),"],
      [115,"    }"],
      [116,"    Ok(())"],
      [117,"}"],
      [119,""],
      [121,"fn close(socket: TcpStream, peer: Peer, sent: usize) -> Result<()> {"],
      [122,"    drop(socket);"],
      [123,"    let arrived = peer.wait_for_our_end()?;"],
      [124,"    ensure!(arrived == sent, \"only {arrived} bytes arrived\");"],
      [125,"    print_line!("],
      [126,"        \"close: the socket is dropped, and all {arrived} bytes have arrived before our FIN\""],
      [127,"    );"],
      [128,"    Ok(())"],
      [129,"}"]
    ]},
    {"file": "lessons/6.2.2-socket-events/src/peer.rs", "lines": [
      [19,"/// Starts a peer that listens on `address`, which is `HOST:PORT`."],
      [20,"pub fn start(address: &str) -> Result<Peer> {"],
      [21,"    let listener = TcpListener::bind(address).map_err(|error| cannot_listen(address, error))?;"],
      [22,"    let port = listener.local_addr().context(\"cannot find out the peer's port\")?.port();"],
      [23,"    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);"],
      [24,"    let (may_read, told_to_read) = mpsc::channel();"],
      [25,"    let thread = thread::Builder::new()"],
      [26,"        .spawn(move || talk(listener, told_to_read))"],
      [27,"        .context(\"cannot start a thread for the peer\")?;"],
      [28,"    Ok(Peer { name: format!(\"{host}:{port}\"), may_read, thread })"],
      [29,"}"],
      [30,""],
      [31,"/// Talks to the one client, and returns how many bytes have arrived from it."],
      [32,"fn talk(listener: TcpListener, told_to_read: Receiver<()>) -> io::Result<u64> {"],
      [33,"    let (mut stream, _) = listener.accept()?;"],
      [34,"    drop(listener); // from here on, connections are refused"],
      [35,"    stream.write_all(b\"hello\")?;"],
      [36,"    if told_to_read.recv().is_err() {"],
      [37,"        return Ok(0); // the lesson has ended early"],
      [38,"    }"],
      [39,"    stream.shutdown(Shutdown::Write)?; // sends a FIN, but we go on reading"],
      [40,"    io::copy(&mut stream, &mut io::sink())"],
      [41,"}"],
      [42,""],
      [43,"impl Peer {"],
      [44,"    /// Lets the peer end its own half of the connection, and read the other until that ends too."],
      [45,"    pub fn read_to_the_end(&self) {"],
      [46,"        let _ = self.may_read.send(()); // fails only if the peer has, and its thread reports that"],
      [47,"    }"],
      [48,""],
      [49,"    /// Waits until our half has ended as well, and returns how many bytes have arrived."],
      [50,"    pub fn wait_for_our_end(self) -> Result<usize> {"],
      [51,"        let arrived = self.thread.join().map_err(|_| anyhow!(\"the peer's thread has panicked\"))?;"],
      [52,"        usize::try_from(arrived.context(\"the peer cannot talk\")?).context(\"more than memory holds\")"],
      [53,"    }"],
      [54,"}"]
    ]}
  ]
}
