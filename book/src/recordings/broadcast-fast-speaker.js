(window.recordings ??= {})["broadcast-fast-speaker"] = {
  "made_by": "cargo run -p recorder -- broadcast-fast-speaker",
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
      "caption": "Terminal 3 sends 75 lines of 4,000 bytes, and `the end`. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":".","bytes":127973,"times":3},
        {"from":1,"to":3,"connection":50002,"flags":".","times":2}
      ]
    },
    {
      "caption": "In thread `50002`, `read` has returned 75 times, 300,008 bytes in all.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":71,"name":"read","value":"300008","times":75}
      ],
      "because": 7,
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":71,"call":"read → 4096"}
      ]
    },
    {
      "caption": "In thread `50002`, `write` has returned 73 times, 300,464 bytes in all.",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":118,"name":"write","within":"send_now","value":"300464","times":73}
      ],
      "screen": [
        {"terminal":2,"text":"…\n"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":300464,"times":73},
        {"from":2,"to":1,"connection":50001,"flags":".","times":73},
        {"from":1,"to":3,"connection":50002,"flags":".","times":9},
        {"from":3,"to":1,"connection":50002,"flags":".","bytes":172035,"times":5},
        {"from":3,"to":1,"connection":50002,"flags":".","times":5}
      ],
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":118,"call":"write → 4006"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `50002` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":71,"call":"read","waits":true}
      ]
    },
    {
      "caption": "All of it has arrived, but that took about two seconds. After the first 64 KiB the server's thread slept between two reads, in `pace.wait()`. Meanwhile the rest waited in the two kernels, and TCP kept terminal 3 from sending more.",
      "is_action": true
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
