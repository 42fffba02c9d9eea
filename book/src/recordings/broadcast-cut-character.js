(window.recordings ??= {})["broadcast-cut-character"] = {
  "made_by": "cargo run -p recorder -- broadcast-cut-character",
  "terminals": [
    {"title":"cargo run -p lesson-broadcast-server","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001},
    {"title":"nc 127.0.0.1 3000","port":50002}
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
      "caption": "In thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
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
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects.",
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
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50001 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":35,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 3: `nc 127.0.0.1 3000`. The kernels agree on a connection; no call of the server has returned yet.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"$ nc 127.0.0.1 3000\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"S"},
        {"from":1,"to":3,"connection":50002,"flags":"S."},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":35,"name":"accept","value":"50002"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `50002` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":35,"call":"accept","waits":true},
        {"terminal":1,"thread":"50002","source":0,"line":71,"call":"read","waits":true}
      ]
    },
    {
      "caption": "Terminal 2 sends a whole line. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":6,"data":"hello\n"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In thread `50001`, `read` returned 6: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"name":"read","value":"6"}
      ],
      "because": 7,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read → 6"}
      ]
    },
    {
      "caption": "In thread `50001`, `write` in `send_now` returned 12: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"name":"write","within":"send_now","value":"12"}
      ],
      "screen": [
        {"terminal":3,"text":"50001:hello\n"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":12,"data":"50001:hello\n"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"call":"write → 12"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `50002` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read","waits":true}
      ]
    },
    {
      "caption": "Terminal 2 sends two of the three bytes of `你`. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":2,"data":"e4 bd"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In thread `50001`, `read` returned 2: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"name":"read","value":"2"}
      ],
      "because": 11,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read → 2"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `50002` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read","waits":true}
      ]
    },
    {
      "caption": "Nothing is passed on to terminal 3, because two bytes of a character cannot be shown. The server keeps them.",
      "is_action": true
    },
    {
      "caption": "Terminal 2 sends the third byte, and a newline. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":2,"data":"a0 0a"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In thread `50001`, `read` returned 2: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"name":"read","value":"2"}
      ],
      "because": 13,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read → 2"}
      ]
    },
    {
      "caption": "In thread `50001`, `write` in `send_now` returned 10: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"name":"write","within":"send_now","value":"10"}
      ],
      "screen": [
        {"terminal":3,"text":"50001:你\n"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":10,"data":"50001:你\n"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":118,"call":"write → 10"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `50002` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 2 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"F."}
      ]
    },
    {
      "caption": "In thread `50001`, `read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"name":"read","value":"0"}
      ],
      "because": 17,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":71,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `50001`, the socket is dropped, which closes it (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":54,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["50001",0,55]}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"F."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":54,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50002` waits in `read` until something arrives.",
      "ended": [[1,"50001"]]
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
    ]}
  ]
}
