(window.recordings ??= {})["broadcast"] = {
  "made_by": "cargo run -p recorder -- broadcast",
  "terminals": [
    {"title":"cargo run -p lesson-broadcast-server","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001},
    {"title":"cargo run -p lesson-broadcast-client","port":50002},
    {"title":"cargo run -p lesson-broadcast-client","port":50003}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-broadcast-server`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-broadcast-server\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":29,"name":"listen","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,29]},
        {"terminal":1,"text":"server listening at port 3000\n","by":["main",0,31]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":29,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept","waits":true}
      ]
    },
    {
      "caption": "In terminal 2: `nc 127.0.0.1 3000`. The kernels agree on a connection; no call of the server has returned yet.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"$ nc 127.0.0.1 3000\n","typed":true}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"S"},
        {"from":1,"to":2,"connection":50001,"flags":"S."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `accept` returned a new socket: the connection with port 50001 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":35,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects; terminal 1, thread `50001` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 3: `cargo run -p lesson-broadcast-client`.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"$ cargo run -p lesson-broadcast-client\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 3, thread `main`, `connect` returned: the connection is made (*connect*).",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":25,"name":"connect","value":"ok"}
      ],
      "because": 5,
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"S"},
        {"from":1,"to":3,"connection":50002,"flags":"S."},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":3,"thread":"main","source":1,"line":25,"call":"connect → ok"}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `accept` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":35,"name":"accept","value":"50002"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept → 50002"},
        {"terminal":3,"thread":"main","source":1,"line":25,"call":"connect"}
      ]
    },
    {
      "caption": "All is quiet. 5 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept","waits":true},
        {"terminal":1,"thread":"50002","source":0,"line":71,"call":"read","waits":true},
        {"terminal":3,"thread":"main","source":1,"line":78,"call":"read","waits":true},
        {"terminal":3,"thread":"keyboard","source":1,"line":57,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 4: `cargo run -p lesson-broadcast-client`.",
      "is_action": true,
      "screen": [
        {"terminal":4,"text":"$ cargo run -p lesson-broadcast-client\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 4, thread `main`, `connect` returned: the connection is made (*connect*).",
      "calls": [
        {"terminal":4,"thread":"main","source":1,"line":25,"name":"connect","value":"ok"}
      ],
      "because": 8,
      "wire": [
        {"from":4,"to":1,"connection":50003,"flags":"S"},
        {"from":1,"to":4,"connection":50003,"flags":"S."},
        {"from":4,"to":1,"connection":50003,"flags":"."}
      ],
      "threads": [
        {"terminal":4,"thread":"main","source":1,"line":25,"call":"connect → ok"}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `accept` returned a new socket: the connection with port 50003 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":35,"name":"accept","value":"50003"}
      ],
      "because": 9,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept → 50003"},
        {"terminal":4,"thread":"main","source":1,"line":25,"call":"connect"}
      ]
    },
    {
      "caption": "All is quiet. 8 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept","waits":true},
        {"terminal":1,"thread":"50003","source":0,"line":71,"call":"read","waits":true},
        {"terminal":4,"thread":"main","source":1,"line":78,"call":"read","waits":true},
        {"terminal":4,"thread":"keyboard","source":1,"line":57,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 3 somebody types `hello, who is here?` and Enter.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"hello, who is here?\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 3, thread `keyboard`, `read` returned 20: a line from the keyboard.",
      "calls": [
        {"terminal":3,"thread":"keyboard","source":1,"line":57,"name":"read","value":"20"}
      ],
      "threads": [
        {"terminal":3,"thread":"keyboard","source":1,"line":57,"call":"read → 20"}
      ]
    },
    {
      "caption": "In terminal 3, thread `keyboard`, `write` in `write_all` returned 20: the kernel has taken the bytes.",
      "calls": [
        {"terminal":3,"thread":"keyboard","source":1,"line":62,"name":"write","within":"write_all","value":"20"}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"P.","bytes":20,"data":"hello, who is here?\n"},
        {"from":1,"to":3,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":3,"thread":"keyboard","source":1,"line":62,"call":"write → 20"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50002`, `read` returned 20: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":71,"name":"read","value":"20"}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":71,"call":"read → 20"},
        {"terminal":3,"thread":"keyboard","source":1,"line":62,"call":"write"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50002`, `write` in `send_now` returned 26: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":118,"name":"write","within":"send_now","value":"26"}
      ],
      "screen": [
        {"terminal":2,"text":"50002:hello, who is here?\n"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":26,"data":"50002:hello, who is here?\n"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":118,"call":"write → 26"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50002`, `write` in `send_now` returned 26: the kernel has taken the bytes for 50003.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":118,"name":"write","within":"send_now","value":"26"}
      ],
      "wire": [
        {"from":1,"to":4,"connection":50003,"flags":"P.","bytes":26,"data":"50002:hello, who is here?\n"},
        {"from":4,"to":1,"connection":50003,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 4, thread `main`, `read` returned 26: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":4,"thread":"main","source":1,"line":78,"name":"read","value":"26"}
      ],
      "because": 14,
      "screen": [
        {"terminal":4,"text":"50002:hello, who is here?\n","by":["main",1,90]}
      ],
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":118,"call":"write"},
        {"terminal":4,"thread":"main","source":1,"line":78,"call":"read → 26"}
      ]
    },
    {
      "caption": "All is quiet. 7 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":71,"call":"read","waits":true},
        {"terminal":4,"thread":"main","source":1,"line":78,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 2 somebody types `good morning from nc` and Enter. The bytes are on their way.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"good morning from nc\n","typed":true}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":21,"data":"good morning from nc\n"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `read` returned 21: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"name":"read","value":"21"}
      ],
      "because": 16,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read → 21"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `write` in `send_now` returned 27: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"name":"write","within":"send_now","value":"27"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":27,"data":"50001:good morning from nc\n"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"call":"write → 27"}
      ]
    },
    {
      "caption": "In terminal 3, thread `main`, `read` returned 27: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":78,"name":"read","value":"27"}
      ],
      "because": 18,
      "screen": [
        {"terminal":3,"text":"50001:good morning from nc\n","by":["main",1,90]}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"call":"write"},
        {"terminal":3,"thread":"main","source":1,"line":78,"call":"read → 27"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `write` in `send_now` returned 27: the kernel has taken the bytes for 50003.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"name":"write","within":"send_now","value":"27"}
      ],
      "wire": [
        {"from":1,"to":4,"connection":50003,"flags":"P.","bytes":27,"data":"50001:good morning from nc\n"},
        {"from":4,"to":1,"connection":50003,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"call":"write → 27"},
        {"terminal":3,"thread":"main","source":1,"line":78,"call":"read"}
      ]
    },
    {
      "caption": "In terminal 4, thread `main`, `read` returned 27: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":4,"thread":"main","source":1,"line":78,"name":"read","value":"27"}
      ],
      "because": 20,
      "screen": [
        {"terminal":4,"text":"50001:good morning from nc\n","by":["main",1,90]}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"call":"write"},
        {"terminal":4,"thread":"main","source":1,"line":78,"call":"read → 27"}
      ]
    },
    {
      "caption": "All is quiet. 7 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read","waits":true},
        {"terminal":3,"thread":"main","source":1,"line":78,"call":"read","waits":true},
        {"terminal":4,"thread":"main","source":1,"line":78,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 4 somebody presses Ctrl-D, which ends the input.",
      "is_action": true,
      "screen": [
        {"terminal":4,"text":"^D\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 4, thread `keyboard`, `read` returned 0: nothing more will be typed (*end*).",
      "calls": [
        {"terminal":4,"thread":"keyboard","source":1,"line":57,"name":"read","value":"0"}
      ],
      "threads": [
        {"terminal":4,"thread":"keyboard","source":1,"line":57,"call":"read → 0"}
      ]
    },
    {
      "caption": "In terminal 4, thread `keyboard`, `shutdown` returned: nothing more will be sent.",
      "calls": [
        {"terminal":4,"thread":"keyboard","source":1,"line":37,"name":"shutdown","value":"ok"}
      ],
      "wire": [
        {"from":4,"to":1,"connection":50003,"flags":"F."},
        {"from":1,"to":4,"connection":50003,"flags":"."}
      ],
      "threads": [
        {"terminal":4,"thread":"keyboard","source":1,"line":37,"call":"shutdown → ok"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50003`, `read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50003","source":0,"line":71,"name":"read","value":"0"}
      ],
      "because": 22,
      "threads": [
        {"terminal":1,"thread":"50003","source":0,"line":71,"call":"read → 0"},
        {"terminal":4,"thread":"keyboard","source":1,"line":38,"call":"close"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50003`, the socket is dropped, which closes it (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"50003","source":0,"line":54,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["50003",0,55]}
      ],
      "wire": [
        {"from":1,"to":4,"connection":50003,"flags":"F."},
        {"from":4,"to":1,"connection":50003,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50003","source":0,"line":54,"call":"close → ok"}
      ]
    },
    {
      "caption": "In terminal 4, thread `main`, `read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":4,"thread":"main","source":1,"line":78,"name":"read","value":"0"}
      ],
      "because": 24,
      "screen": [
        {"terminal":4,"text":"you have left the chat\n","by":["main",1,43]}
      ],
      "threads": [
        {"terminal":1,"thread":"50003","source":0,"line":54,"call":"close"},
        {"terminal":4,"thread":"main","source":1,"line":78,"call":"read → 0"}
      ]
    },
    {
      "caption": "The program in terminal 4 has ended, with exit status 0.",
      "ended": [[1,"50003"],[4,"main"],[4,"keyboard"]]
    },
    {
      "caption": "In terminal 1 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"F."},
        {"from":1,"to":2,"connection":50001,"flags":"F."}
      ],
      "ended": [[1,"main"],[1,"50001"],[1,"50002"]]
    },
    {
      "caption": "In terminal 3, thread `main`, `read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":78,"name":"read","value":"0"}
      ],
      "because": 26,
      "threads": [
        {"terminal":3,"thread":"main","source":1,"line":78,"call":"read → 0"}
      ]
    },
    {
      "caption": "In terminal 3, thread `main`, the socket is dropped, which closes it (*close*). The thread prints a line.",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":87,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":3,"text":"the server has closed the connection\n","by":["main",1,44]}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"F."},
        {"from":1,"to":3,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":3,"thread":"main","source":1,"line":87,"call":"close → ok"}
      ]
    },
    {
      "caption": "The program in terminal 3 has ended, with exit status 0.",
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "ended": [[3,"main"],[3,"keyboard"]]
    }
  ],
  "sources": [
    {"file": "lessons/6.3.2-broadcast-server/src/main.rs", "lines": [
      [27,"fn main() -> Result<(), Failure> {"],
      [28,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [29,"    let (listener, bound) = listen(&address)?;"],
      [30,"    set_send_buffer(&listener, SEND_BUFFER);"],
      [31,"    print_line!(\"server listening at port {}\", bound.port());"],
      [32,""],
      [33,"    let room = Arc::new(Room::default());"],
      [34,"    loop {"],
      [35,"        let accepted = listener.accept();"],
      [36,"        if let Err(error) = accepted.and_then(|(stream, peer)| admit(stream, peer, &room)) {"],
      [37,"            pause_after(&error);"],
      [38,"        }"],
      [39,"    }"],
      [40,"}"],
      [42,""],
      [44,"fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) -> io::Result<()> {"],
      [45,"    // A small message leaves immediately, instead of waiting for company. An error means that the"],
      [46,"    // client has already left, which its first read will report."],
      [47,"    let _ = stream.set_nodelay(true);"],
      [48,""],
      [49,"    // We take the seat here, not in the client's own thread, so that clients join in the order in"],
      [50,"    // which they connect, and none misses what a later one says."],
      [51,"    let seat = Seat::take(room, Client { stream, peer, pace: Pace::default() });"],
      [52,"    thread::Builder::new().spawn(move || {"],
      [53,"        pass_on_what_is_said(&seat);"],
      [54,"        drop(seat);"],
      [55,"        print_line!(\"有客户端退出了\"); // a client has left"],
      [56,"    })?;"],
      [57,"    Ok(())"],
      [58,"}"],
      [60,""],
      [62,"/// Reads until the client leaves: by an orderly end, by an error, or because it was disconnected."],
      [63,"fn pass_on_what_is_said(Seat { room, client }: &Seat) {"],
      [64,"    let mut stream = &client.stream;"],
      [65,"    let mut lines = Lines::trimmed();"],
      [66,"    let mut buffer = [0; 4096];"],
      [67,"    loop {"],
      [68,"        client.pace.wait(); // sleeps for a while if this client sends too fast"],
      [69,"        // An error means that the connection is over, which the read will report."],
      [70,"        let _ = stream.set_read_timeout(lines.patience());"],
      [71,"        match uninterrupted(|| stream.read(&mut buffer)) {"],
      [72,"            Ok(received @ 1..) => room.broadcast(client, &lines.add(&buffer[..received])), // `data`"],
      [73,"            Err(error) if timed_out(stream, &error) => room.broadcast(client, &lines.cut()), // `timeout`"],
      [74,"            _ => return room.broadcast(client, &lines.finish()), // `end`, or `error`"],
      [75,"        }"],
      [76,"    }"],
      [77,"}"],
      [79,""],
      [105,"impl Room {"],
      [106,"    fn clients(&self) -> MutexGuard<'_, Vec<Arc<Client>>> {"],
      [107,"        self.clients.lock().unwrap_or_else(PoisonError::into_inner)"],
      [108,"    }"],
      [109,""],
      [110,"    /// Sends to everyone but the sender. The lock is held meanwhile, so everyone sees the same"],
      [111,"    /// messages in the same order. No call in the loop waits, so the lock is never held for long."],
      [112,"    fn broadcast(&self, sender: &Arc<Client>, lines: &[u8]) {"],
      [113,"        let messages = label(sender.peer.port(), lines);"],
      [114,"        if messages.is_empty() {"],
      [115,"            return;"],
      [116,"        }"],
      [117,"        for client in self.clients().iter().filter(|client| !Arc::ptr_eq(client, sender)) {"],
      [118,"            if let Err(error) = send_now(&client.stream, &messages) {"],
      [119,"                disconnect(&client.stream); // its own thread wakes up, and gives back the seat"],
      [120,"                // Prints nothing if the client has left, which its own thread reports, or if"],
      [121,"                // another thread has disconnected it."],
      [122,"                note_disconnected(client.peer, &error);"],
      [123,"            }"],
      [124,"        }"],
      [125,"        sender.pace.spend(messages.len());"],
      [126,"    }"],
      [127,"}"]
    ]},
    {"file": "lessons/6.3.2-broadcast-client/src/main.rs", "lines": [
      [23,"fn main() -> Result<(), Failure> {"],
      [24,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [25,"    let server = TcpStream::connect(&address)"],
      [26,"        .map_err(|error| cannot_connect(&address, error, \"lesson-broadcast-server\"))?;"],
      [27,"    check_connected(&server, &address, \"lesson-broadcast-server\")?;"],
      [28,"    let to_server = server.try_clone().context(\"cannot share the connection with a thread\")?;"],
      [29,""],
      [30,"    // There are two things to wait for, so there are two threads. This one ends when the server"],
      [31,"    // does, and the process with it, even if the other one is still waiting for the keyboard."],
      [32,"    let keyboard = thread::Builder::new().spawn(move || {"],
      [33,"        match send_what_is_typed(&to_server) {"],
      [34,"            Ok(()) => LEAVING.store(true, Ordering::Relaxed),"],
      [35,"            Err(error) => note!(\"cannot send what is typed: {error}\"),"],
      [36,"        }"],
      [37,"        let _ = to_server.shutdown(Shutdown::Write); // half-close: we send no more but still listen"],
      [38,"    });"],
      [39,"    keyboard.context(\"cannot start a thread for the keyboard\")?;"],
      [40,""],
      [41,"    show_what_arrives(server).map_err(|error| lost_connection(&address, error))?;"],
      [42,"    match LEAVING.load(Ordering::Relaxed) {"],
      [43,"        true => note!(\"you have left the chat\"),"],
      [44,"        false => note!(\"the server has closed the connection\"),"],
      [45,"    }"],
      [46,"    Ok(())"],
      [47,"}"],
      [49,""],
      [51,"fn send_what_is_typed(mut server: &TcpStream) -> io::Result<()> {"],
      [52,"    server.set_nodelay(true)?; // each line leaves immediately"],
      [53,"    let mut keyboard = io::stdin();"],
      [54,"    let mut lines = Lines::trimmed();"],
      [55,"    let mut buffer = [0; 4096];"],
      [56,"    loop {"],
      [57,"        let typed = uninterrupted(|| keyboard.read(&mut buffer))?; // waits until Enter is pressed"],
      [58,"        let said = match typed {"],
      [59,"            0 => lines.finish(), // Ctrl-D, on Windows Ctrl-Z and Enter"],
      [60,"            _ => lines.add(&buffer[..typed]),"],
      [61,"        };"],
      [62,"        server.write_all(&said)?;"],
      [63,"        if typed == 0 {"],
      [64,"            return Ok(());"],
      [65,"        }"],
      [66,"    }"],
      [67,"}"],
      [69,""],
      [71,"fn show_what_arrives(mut server: TcpStream) -> io::Result<()> {"],
      [72,"    let mut lines = Lines::default();"],
      [73,"    let mut buffer = vec![0; 32 * 1024]; // a reader that falls behind catches up in few reads"],
      [74,"    loop {"],
      [75,"        // The Node server sends no newlines, so what has arrived when time is up is a line too. An"],
      [76,"        // error means that the connection is over, which the read will report."],
      [77,"        let _ = server.set_read_timeout(lines.patience());"],
      [78,"        match uninterrupted(|| server.read(&mut buffer)) {"],
      [79,"            Ok(received @ 1..) => show(&lines.add(&buffer[..received])), // `data`"],
      [80,"            Err(error) if timed_out(&server, &error) => show(&lines.cut()), // `timeout`"],
      [81,"            outcome => {"],
      [82,"                show(&lines.finish());"],
      [83,"                return outcome.map(|_| ()); // `end`, or `error`"],
      [84,"            }"],
      [85,"        }"],
      [86,"    }"],
      [87,"}"],
      [88,""],
      [89,"fn show(lines: &[u8]) {"],
      [90,"    print_or_exit(&printable(&decode_lossy(lines)));"],
      [91,"}"]
    ]}
  ]
}
