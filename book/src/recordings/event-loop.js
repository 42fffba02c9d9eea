(window.recordings ??= {})["event-loop"] = {
  "made_by": "cargo run -p recorder -- event-loop",
  "terminals": [
    {"title":"cargo run -p lesson-event-loop-server","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001},
    {"title":"nc 127.0.0.1 3000","port":50002},
    {"title":"nc 127.0.0.1 3000","port":50003}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-event-loop-server`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-event-loop-server\n","typed":true}
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
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
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
      "caption": "In thread `main`, `poll` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50001 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":92,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":92,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned `WouldBlock`: nobody else is waiting to be accepted.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":92,"name":"accept","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":92,"call":"accept → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where there is room to write.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
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
      "caption": "In thread `main`, `poll` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":92,"name":"accept","value":"50002"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":92,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned `WouldBlock`: nobody else is waiting to be accepted.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":92,"name":"accept","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":92,"call":"accept → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where there is room to write.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "In terminal 4: `nc 127.0.0.1 3000`. The kernels agree on a connection; no call of the server has returned yet.",
      "is_action": true,
      "screen": [
        {"terminal":4,"text":"$ nc 127.0.0.1 3000\n","typed":true}
      ],
      "wire": [
        {"from":4,"to":1,"connection":50003,"flags":"S"},
        {"from":1,"to":4,"connection":50003,"flags":"S."},
        {"from":4,"to":1,"connection":50003,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "because": 9,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50003 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":92,"name":"accept","value":"50003"}
      ],
      "because": 9,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":92,"call":"accept → 50003"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned `WouldBlock`: nobody else is waiting to be accepted.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":92,"name":"accept","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":92,"call":"accept → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where there is room to write.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "In terminal 4 somebody types `hello, both of you` and Enter. The bytes are on their way.",
      "is_action": true,
      "screen": [
        {"terminal":4,"text":"hello, both of you\n","typed":true}
      ],
      "wire": [
        {"from":4,"to":1,"connection":50003,"flags":"P.","bytes":19,"data":"hello, both of you\n"},
        {"from":1,"to":4,"connection":50003,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned 19: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":117,"name":"read","value":"19"}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":117,"call":"read → 19"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_vectored` returned 25: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":221,"name":"write","within":"write_vectored","value":"25"}
      ],
      "screen": [
        {"terminal":2,"text":"50003:hello, both of you\n"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":25,"data":"50003:hello, both of you\n"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":221,"call":"write → 25"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_vectored` returned 25: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":221,"name":"write","within":"write_vectored","value":"25"}
      ],
      "screen": [
        {"terminal":3,"text":"50003:hello, both of you\n"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":25,"data":"50003:hello, both of you\n"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 0: nothing new is ready.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"0"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned `WouldBlock`: nothing is there to read now.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":117,"name":"read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":117,"call":"read → WouldBlock"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "In terminal 2 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":2,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"F."},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "because": 16,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":117,"name":"read","value":"0"}
      ],
      "because": 16,
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["main",0,68]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":117,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `main`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":69,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"F."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":69,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "In terminal 4 somebody types `only one is left` and Enter. The bytes are on their way.",
      "is_action": true,
      "screen": [
        {"terminal":4,"text":"only one is left\n","typed":true}
      ],
      "wire": [
        {"from":4,"to":1,"connection":50003,"flags":"P.","bytes":17,"data":"only one is left\n"},
        {"from":1,"to":4,"connection":50003,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "because": 20,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned 17: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":117,"name":"read","value":"17"}
      ],
      "because": 20,
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":117,"call":"read → 17"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `write_vectored` returned 23: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":221,"name":"write","within":"write_vectored","value":"23"}
      ],
      "screen": [
        {"terminal":3,"text":"50003:only one is left\n"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":23,"data":"50003:only one is left\n"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":221,"call":"write → 23"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 0: nothing new is ready.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"0"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned `WouldBlock`: nothing is there to read now.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":117,"name":"read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":117,"call":"read → WouldBlock"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "In terminal 4 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":4,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":4,"to":1,"connection":50003,"flags":"F."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":51,"name":"poll","value":"1"}
      ],
      "because": 24,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":117,"name":"read","value":"0"}
      ],
      "because": 24,
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["main",0,68]}
      ],
      "wire": [
        {"from":1,"to":4,"connection":50003,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":117,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `main`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":69,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":4,"connection":50003,"flags":"F."},
        {"from":4,"to":1,"connection":50003,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":69,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":51,"call":"poll","waits":true}
      ]
    }
  ],
  "sources": [
    {"file": "lessons/7.3-event-loop-server/src/main.rs", "lines": [
      [27,"fn main() -> Result<(), Failure> {"],
      [28,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [29,"    let (listener, bound) = listen(&address)?;"],
      [30,"    set_send_buffer(&listener, SEND_BUFFER);"],
      [31,"    print_line!(\"server listening at port {}\", bound.port());"],
      [32,""],
      [33,"    listener.set_nonblocking(true).context(\"cannot make the listener non-blocking\")?;"],
      [34,"    run(TcpListener::from_std(listener)).context(\"cannot wait for events\")?;"],
      [35,"    Ok(())"],
      [36,"}"],
      [38,""],
      [43,"fn run(mut listener: TcpListener) -> io::Result<()> {"],
      [44,"    let mut poll = Poll::new()?;"],
      [45,"    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;"],
      [46,"    let mut events = Events::with_capacity(1024);"],
      [47,"    let mut buffer = vec![0; 8 * 1024];"],
      [48,"    let mut room = Room::default();"],
      [49,"    let mut accept_at = None;"],
      [50,"    loop {"],
      [51,"        match poll.poll(&mut events, time_left(&room, accept_at)) {"],
      [52,"            Err(error) if error.kind() == ErrorKind::Interrupted => continue,"],
      [53,"            outcome => outcome?,"],
      [54,"        }"],
      [55,"        for event in &events {"],
      [56,"            match event.token() {"],
      [57,"                LISTENER => accept_at = accept_at.or(Some(Instant::now())),"],
      [58,"                token => room.ready(token, event.is_readable(), event.is_writable()),"],
      [59,"            }"],
      [60,"        }"],
      [61,"        if accept_at.is_some_and(|time| time <= Instant::now()) {"],
      [62,"            accept_at = accept(&listener, poll.registry(), &mut room);"],
      [63,"        }"],
      [64,"        room.read(&mut buffer);"],
      [65,"        room.cut();"],
      [66,"        for mut client in room.send() {"],
      [67,"            let _ = poll.registry().deregister(&mut client.stream);"],
      [68,"            print_line!(\"有客户端退出了\"); // a client has left"],
      [69,"        }"],
      [70,"    }"],
      [71,"}"],
      [72,""],
      [88,"/// Accepts waiting clients. Returns when to try again: immediately if there may be more, later if it"],
      [89,"/// is not possible now, or `None` to wait for the listener's next event."],
      [90,"fn accept(listener: &TcpListener, registry: &Registry, room: &mut Room) -> Option<Instant> {"],
      [91,"    for _ in 0..ACCEPTS_PER_TURN {"],
      [92,"        let accepted = listener.accept();"],
      [93,"        match accepted.and_then(|(stream, peer)| room.admit(stream, peer, registry)) {"],
      [94,"            Ok(()) => {}"],
      [95,"            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,"],
      [96,"            Err(error) => return Some(Instant::now() + pause_for(&error)),"],
      [97,"        }"],
      [98,"    }"],
      [99,"    Some(Instant::now())"],
      [100,"}"]
    ]},
    {"file": "lessons/7.3-event-loop-server/src/room.rs", "lines": [
      [56,"impl Room {"],
      [58,""],
      [60,"    /// Adds a client. From now on, events tell us what its socket is ready for."],
      [61,"    pub fn admit("],
      [62,"        &mut self,"],
      [63,"        mut stream: TcpStream,"],
      [64,"        peer: SocketAddr,"],
      [65,"        registry: &Registry,"],
      [66,"    ) -> io::Result<()> {"],
      [67,"        // A small message leaves immediately instead of waiting for company. An error means that the"],
      [68,"        // client has already left, and its first read will say so."],
      [69,"        let _ = stream.set_nodelay(true);"],
      [70,"        let token = Token(self.joined);"],
      [71,"        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;"],
      [72,"        self.joined += 1;"],
      [73,"        let (lines, cursor) = (Lines::trimmed(), self.log.join());"],
      [74,"        let client = Client {"],
      [75,"            stream,"],
      [76,"            peer,"],
      [77,"            lines,"],
      [78,"            cursor,"],
      [79,"            is_readable: false,"],
      [80,"            is_writable: false,"],
      [81,"            is_broken: false,"],
      [82,"            has_left: false,"],
      [83,"        };"],
      [84,"        self.clients.insert(token, client);"],
      [85,"        Ok(())"],
      [86,"    }"],
      [87,""],
      [88,"    /// Notes what an event says. It may be late, and its client may have left already."],
      [89,"    pub fn ready(&mut self, token: Token, readable: bool, writable: bool) {"],
      [90,"        let Some(client) = self.clients.get_mut(&token) else { return };"],
      [91,"        if readable && !mem::replace(&mut client.is_readable, true) {"],
      [92,"            self.readable.push_back(token);"],
      [93,"        }"],
      [94,"        client.is_writable |= writable;"],
      [95,"        self.has_unsent |= writable;"],
      [96,"    }"],
      [97,""],
      [98,"    /// Returns whether there is something to do without waiting for an event."],
      [99,"    pub fn is_busy(&self) -> bool {"],
      [100,"        self.has_unsent || !self.readable.is_empty()"],
      [101,"    }"],
      [103,""],
      [105,"    /// Makes one read for every client that may have sent something and is not too fast. A client"],
      [106,"    /// with more to say, however much, waits its turn. No event tells us about what is left over, so"],
      [107,"    /// a client stays in the queue until a read has found nothing."],
      [108,"    pub fn read(&mut self, buffer: &mut [u8]) {"],
      [109,"        let mut budget = BYTES_PER_TURN;"],
      [110,"        for _ in 0..self.readable.len() {"],
      [111,"            let Some(token) = self.readable.pop_front() else { break };"],
      [112,"            let Some(client) = self.clients.get_mut(&token) else { continue };"],
      [113,"            if self.log.holds_up(client.cursor.said()) {"],
      [114,"                self.held.push_back(token);"],
      [115,"                continue;"],
      [116,"            }"],
      [117,"            let lines = match client.stream.read(buffer) {"],
      [118,"                Ok(received @ 1..) => {"],
      [119,"                    budget = budget.saturating_sub(received);"],
      [120,"                    client.lines.add(&buffer[..received])"],
      [121,"                }"],
      [122,"                Err(error) if error.kind() == ErrorKind::WouldBlock => {"],
      [123,"                    client.is_readable = false;"],
      [124,"                    continue;"],
      [125,"                }"],
      [126,"                Err(error) if error.kind() == ErrorKind::Interrupted => Vec::new(),"],
      [127,"                outcome => {"],
      [128,"                    client.has_left = true;"],
      [129,"                    if let Err(error) = outcome {"],
      [130,"                        client.is_broken = true;"],
      [131,"                        note_disconnected(client.peer, &error);"],
      [132,"                    }"],
      [133,"                    client.lines.finish()"],
      [134,"                }"],
      [135,"            };"],
      [136,"            if !client.has_left {"],
      [137,"                self.readable.push_back(token);"],
      [138,"            }"],
      [139,"            self.say(token, &lines);"],
      [140,"            if budget == 0 {"],
      [141,"                break;"],
      [142,"            }"],
      [143,"        }"],
      [144,"        if !self.held.is_empty() {"],
      [145,"            self.timers.set(HELD, Some(ASK_AGAIN));"],
      [146,"        }"],
      [147,"    }"],
      [148,""],
      [149,"    /// Passes on the lines whose end has not arrived in time."],
      [150,"    pub fn cut(&mut self) {"],
      [151,"        while let Some(token) = self.timers.expired() {"],
      [152,"            let Some(client) = self.clients.get_mut(&token) else { continue };"],
      [153,"            // While something waits to be read, the line's end may be in there."],
      [154,"            let lines = if client.is_readable { Vec::new() } else { client.lines.cut() };"],
      [155,"            self.say(token, &lines);"],
      [156,"        }"],
      [157,"    }"],
      [158,""],
      [159,"    fn say(&mut self, token: Token, lines: &[u8]) {"],
      [160,"        let Some(client) = self.clients.get_mut(&token) else { return };"],
      [161,"        self.timers.set(token, client.lines.patience());"],
      [162,"        self.has_unsent |= client.has_left || !lines.is_empty();"],
      [163,"        self.log.say(&mut client.cursor, client.peer.port(), lines);"],
      [164,"    }"],
      [166,""],
      [168,"    /// Makes one write for every client that is behind and has room. Returns those that are gone."],
      [169,"    pub fn send(&mut self) -> Vec<Client> {"],
      [170,"        let mut gone = Vec::new();"],
      [171,"        if mem::take(&mut self.has_unsent) {"],
      [172,"            for (token, client) in &mut self.clients {"],
      [173,"                match client.send(&self.log) {"],
      [174,"                    Ok(AfterSend::HasMore) => self.has_unsent = true,"],
      [175,"                    Ok(AfterSend::Waits) => {}"],
      [176,"                    Ok(AfterSend::HasLeft) => gone.push(*token),"],
      [177,"                    Err(error) => {"],
      [178,"                        note_disconnected(client.peer, &error);"],
      [179,"                        gone.push(*token);"],
      [180,"                    }"],
      [181,"                }"],
      [182,"            }"],
      [183,"        }"],
      [184,"        if self.log.lets_go() {"],
      [185,"            self.readable.append(&mut self.held);"],
      [186,"        }"],
      [187,"        gone.iter().filter_map(|token| self.forget(*token)).collect()"],
      [188,"    }"],
      [189,""],
      [190,"    fn forget(&mut self, token: Token) -> Option<Client> {"],
      [191,"        self.timers.set(token, None);"],
      [192,"        self.clients.remove(&token)"],
      [193,"    }"],
      [194,"}"],
      [195,""],
      [207,"impl Client {"],
      [208,"    /// Sends what the client has not received yet, as much of it as the socket takes."],
      [209,"    ///"],
      [210,"    /// # Errors"],
      [211,"    /// If the client has fallen off the log's tail."],
      [212,"    fn send(&mut self, log: &Log) -> io::Result<AfterSend> {"],
      [213,"        if self.is_broken {"],
      [214,"            return Ok(if self.has_left { AfterSend::HasLeft } else { AfterSend::Waits });"],
      [215,"        }"],
      [216,"        let Some(unread) = log.unread(&self.cursor) else {"],
      [217,"            disconnect(&self.stream);"],
      [218,"            return Err(io::Error::other(\"it does not read what it is sent\"));"],
      [219,"        };"],
      [220,"        if !unread.is_empty() && self.is_writable {"],
      [221,"            match self.stream.write_vectored(&unread) {"],
      [222,"                Ok(sent) => self.cursor.advance(sent), // if it is a part, the rest follows later"],
      [223,"                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_writable = false,"],
      [224,"                Err(error) if error.kind() == ErrorKind::Interrupted => {}"],
      [225,"                Err(error) => {"],
      [226,"                    note_disconnected(self.peer, &error);"],
      [227,"                    disconnect(&self.stream); // makes it readable, so that its end is read"],
      [228,"                    self.is_broken = true;"],
      [229,"                }"],
      [230,"            }"],
      [231,"        }"],
      [232,"        let has_all = log.is_read(&self.cursor);"],
      [233,"        Ok(if has_all && self.has_left {"],
      [234,"            AfterSend::HasLeft"],
      [235,"        } else if !has_all && self.is_writable {"],
      [236,"            AfterSend::HasMore"],
      [237,"        } else {"],
      [238,"            AfterSend::Waits"],
      [239,"        })"],
      [240,"    }"],
      [241,"}"]
    ]}
  ]
}
