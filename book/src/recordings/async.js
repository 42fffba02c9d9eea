(window.recordings ??= {})["async"] = {
  "made_by": "cargo run -p recorder -- async",
  "terminals": [
    {"title":"cargo run -p lesson-async-server","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001},
    {"title":"nc 127.0.0.1 3000","port":50002}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-async-server`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-async-server\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":23,"name":"listen","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,23]},
        {"terminal":1,"text":"server listening at port 3000\n","by":["main",0,25]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":23,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll","waits":true}
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
      "caption": "In thread `main`, `poll` in `block_on` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"1"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` in `poll` returned a new socket: the connection with port 50001 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":52,"name":"accept","within":"poll","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":52,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` in `poll` returned `WouldBlock`: nobody else is waiting to be accepted.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":52,"name":"accept","within":"poll","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":52,"call":"accept → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned `WouldBlock`: nothing is there to read now.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":98,"name":"read","within":"try_read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":98,"call":"read → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 1: one socket where there is room to write.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"1"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 1"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll","waits":true}
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
      "caption": "In thread `main`, `poll` in `block_on` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"1"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` in `poll` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":52,"name":"accept","within":"poll","value":"50002"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":52,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` in `poll` returned `WouldBlock`: nobody else is waiting to be accepted.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":52,"name":"accept","within":"poll","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":52,"call":"accept → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned `WouldBlock`: nothing is there to read now.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":98,"name":"read","within":"try_read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":98,"call":"read → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 1: one socket where there is room to write.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"1"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 1"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "Each client has a task, but no thread of its own. A task that finds nothing to read awaits it, and gives the thread away. `block_on` runs the other tasks, and when they all await something, it waits in `poll` for all of them.",
      "is_action": true
    },
    {
      "caption": "In terminal 3 somebody types `hello` and Enter. The bytes are on their way.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"hello\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"P.","bytes":6,"data":"hello\n"},
        {"from":1,"to":3,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"1"}
      ],
      "because": 7,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned 6: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":98,"name":"read","within":"try_read","value":"6"}
      ],
      "because": 7,
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":98,"call":"read → 6"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `try_write_vectored` returned 12: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":135,"name":"write","within":"try_write_vectored","value":"12"}
      ],
      "screen": [
        {"terminal":2,"text":"50002:hello\n"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":12,"data":"50002:hello\n"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":135,"call":"write → 12"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 0: nothing new is ready.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"0"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned `WouldBlock`: nothing is there to read now.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":98,"name":"read","within":"try_read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":98,"call":"read → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 0: nothing new is ready.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"0"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 0"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "In terminal 3 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"F."}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"1"}
      ],
      "because": 11,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":98,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 11,
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":98,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 0: nothing new is ready.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"0"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `shutdown` in `poll` returned: nothing more will be sent.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":157,"name":"shutdown","within":"poll","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"F."},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":157,"call":"shutdown → ok"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":160,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 11,
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["main",1,81]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":160,"call":"read → 0"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll","waits":true}
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
      "caption": "In thread `main`, `poll` in `block_on` returned 1: one socket where something has arrived.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"1"}
      ],
      "because": 14,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 1"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":98,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 14,
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":98,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `poll` in `block_on` returned 0: nothing new is ready.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":32,"name":"poll","within":"block_on","value":"0"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll → 0"}
      ]
    },
    {
      "caption": "In thread `main`, `shutdown` in `poll` returned: nothing more will be sent.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":157,"name":"shutdown","within":"poll","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"F."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":157,"call":"shutdown → ok"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":160,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 14,
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["main",1,81]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":160,"call":"read → 0"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll","waits":true}
      ]
    }
  ],
  "sources": [
    {"file": "lessons/7.4-async-server/src/main.rs", "lines": [
      [21,"fn main() -> Result<(), Failure> {"],
      [22,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [23,"    let (listener, bound) = listen(&address)?;"],
      [24,"    set_send_buffer(&listener, SEND_BUFFER);"],
      [25,"    print_line!(\"server listening at port {}\", bound.port());"],
      [26,"    let (press, pressed) = oneshot::channel::<()>();"],
      [27,"    let _last_lines = CtrlC::calls(|| drop(press))?;"],
      [28,""],
      [29,"    // One thread runs all tasks, because several would only wait for each other at the log."],
      [30,"    let runtime = runtime::Builder::new_current_thread().enable_all().build();"],
      [31,"    let runtime = runtime.context(\"cannot start the runtime\")?;"],
      [32,"    runtime.block_on(run(listener, pressed)).context(\"cannot use the listener with tokio\")?;"],
      [33,"    Ok(())"],
      [34,"}"]
    ]},
    {"file": "lessons/7.4-async-server/src/lib.rs", "lines": [
      [38,"/// Works as [`run`] does, but in the given room. What clients say goes to `publisher`."],
      [39,"///"],
      [40,"/// # Errors"],
      [41,"/// If the listener cannot be used with tokio."],
      [42,"pub async fn serve("],
      [43,"    listener: std::net::TcpListener,"],
      [44,"    room: &Arc<Room>,"],
      [45,"    publisher: Arc<impl Publish>,"],
      [46,"    shutdown: impl Future,"],
      [47,") -> io::Result<()> {"],
      [48,"    listener.set_nonblocking(true)?;"],
      [49,"    let listener = TcpListener::from_std(listener)?;"],
      [50,"    let mut shutdown = pin!(shutdown);"],
      [51,"    loop {"],
      [52,"        select! {"],
      [53,"            _ = &mut shutdown => break,"],
      [54,"            accepted = listener.accept() => match accepted {"],
      [55,"                Ok((stream, peer)) => admit(stream, peer, room, &publisher),"],
      [56,"                Err(error) => sleep(pause_for(&error)).await,"],
      [57,"            },"],
      [58,"        }"],
      [59,"    }"],
      [60,"    drop(listener); // no new clients"],
      [61,"    room.state().log.append(\"服务器关闭了\\n\".as_bytes()); // the server has closed"],
      [62,"    room.news.send_replace(News::Goodbye);"],
      [63,"    // Each client's task receives the news, so when nobody receives it any more, all have left."],
      [64,"    let _ = timeout(FAREWELL, room.news.closed()).await;"],
      [65,"    Ok(())"],
      [66,"}"],
      [68,""],
      [70,"fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>, publisher: &Arc<impl Publish>) {"],
      [71,"    // A small message leaves immediately instead of waiting for company. An error means that the"],
      [72,"    // client has already left, and its first read will say so."],
      [73,"    let _ = stream.set_nodelay(true);"],
      [74,"    // We create it here and not in the client's own task, so that clients join in the order in which"],
      [75,"    // they connect, and no client misses what the next one says."],
      [76,"    let client = Client::new(stream, peer, Arc::clone(room), Arc::clone(publisher));"],
      [77,"    task::spawn(async move {"],
      [78,"        if let Err(error) = client.serve().await {"],
      [79,"            note_disconnected(peer, &error);"],
      [80,"        }"],
      [81,"        print_line!(\"有客户端退出了\"); // a client has left"],
      [82,"    });"],
      [83,"}"]
    ]},
    {"file": "lessons/7.4-async-server/src/client.rs", "lines": [
      [36,"impl<P: Publish> Client<P> {"],
      [37,"    /// Creates a client that joins now."],
      [38,"    pub fn new("],
      [39,"        stream: TcpStream,"],
      [40,"        peer: SocketAddr,"],
      [41,"        room: Arc<Room>,"],
      [42,"        publisher: Arc<P>,"],
      [43,"    ) -> Client<P> {"],
      [44,"        let (news, seat) = (room.news.subscribe(), room.join());"],
      [45,"        Client {"],
      [46,"            stream,"],
      [47,"            peer,"],
      [48,"            room,"],
      [49,"            news,"],
      [50,"            seat,"],
      [51,"            publisher,"],
      [52,"            lines: Lines::trimmed(),"],
      [53,"            cut_at: None,"],
      [54,"            is_broken: false,"],
      [55,"            has_left: false,"],
      [56,"        }"],
      [57,"    }"],
      [59,""],
      [61,"    /// Serves the client until it has left, or the server closes."],
      [62,"    ///"],
      [63,"    /// # Errors"],
      [64,"    /// If the client does not read what it is sent, or resets the connection."],
      [65,"    pub async fn serve(mut self) -> io::Result<()> {"],
      [66,"        loop {"],
      [67,"            // Anything that is said after this line wakes us again, so we miss nothing."],
      [68,"            let goodbye = *self.news.borrow_and_update() == News::Goodbye;"],
      [69,"            let is_behind = self.send()?;"],
      [70,"            if !is_behind && (self.has_left || goodbye) {"],
      [71,"                return self.part().await;"],
      [72,"            }"],
      [73,"            // A client that is too fast for the others is not read from, so TCP tells it to stop."],
      [74,"            let is_held = !self.has_left && self.publisher.holds_up(self.seat);"],
      [75,"            let cut_at = self.cut_at.unwrap_or_else(Instant::now);"],
      [76,"            select! {"],
      [77,"                biased; // read what has arrived of a line before you cut it"],
      [78,"                _ = self.stream.readable(), if !self.has_left && !is_held => {"],
      [79,"                    self.read();"],
      [80,"                    // Yield, so that a client that floods us cannot starve the others."],
      [81,"                    task::yield_now().await;"],
      [82,"                }"],
      [83,"                _ = self.stream.writable(), if is_behind => {}"],
      [84,"                () = sleep(ASK_AGAIN), if is_held => {}"],
      [85,"                () = sleep_until(cut_at), if self.cut_at.is_some() && !is_held => {"],
      [86,"                    let lines = self.lines.cut();"],
      [87,"                    self.say(&lines);"],
      [88,"                }"],
      [89,"                _ = self.news.changed() => {}"],
      [90,"            }"],
      [91,"        }"],
      [92,"    }"],
      [94,""],
      [96,"    fn read(&mut self) {"],
      [97,"        let mut buffer = [0; 4096];"],
      [98,"        let lines = match self.stream.try_read(&mut buffer) {"],
      [99,"            Ok(received @ 1..) => self.lines.add(&buffer[..received]),"],
      [100,"            Err(error) if is_passing(&error) => return,"],
      [101,"            outcome => {"],
      [102,"                self.has_left = true;"],
      [103,"                if let Err(error) = outcome {"],
      [104,"                    self.is_broken = true;"],
      [105,"                    note_disconnected(self.peer, &error);"],
      [106,"                }"],
      [107,"                self.lines.finish()"],
      [108,"            }"],
      [109,"        };"],
      [110,"        self.say(&lines);"],
      [111,"    }"],
      [112,""],
      [113,"    fn say(&mut self, lines: &[u8]) {"],
      [114,"        self.cut_at = self.lines.patience().map(|patience| Instant::now() + patience);"],
      [115,"        if !lines.is_empty() {"],
      [116,"            self.publisher.say(self.seat, self.peer.port(), lines);"],
      [117,"        }"],
      [118,"    }"],
      [120,""],
      [122,"    /// Sends what is in the log for this client, as much as its socket takes. Returns whether"],
      [123,"    /// something is left."],
      [124,"    fn send(&mut self) -> io::Result<bool> {"],
      [125,"        if self.is_broken {"],
      [126,"            return Ok(false);"],
      [127,"        }"],
      [128,"        let State { log, cursors, .. } = &mut *self.room.state();"],
      [129,"        let Some(cursor) = cursors.get_mut(&self.seat) else { return Ok(false) };"],
      [130,"        let Some(unread) = log.unread(cursor) else {"],
      [131,"            disconnect(&self.stream);"],
      [132,"            return Err(io::Error::other(\"it does not read what it is sent\"));"],
      [133,"        };"],
      [134,"        if !unread.is_empty() {"],
      [135,"            match self.stream.try_write_vectored(&unread) {"],
      [136,"                Ok(sent) => cursor.advance(sent),"],
      [137,"                Err(error) if is_passing(&error) => {}"],
      [138,"                Err(error) => {"],
      [139,"                    note_disconnected(self.peer, &error);"],
      [140,"                    disconnect(&self.stream); // makes it readable, so that its end is read"],
      [141,"                    self.is_broken = true;"],
      [142,"                }"],
      [143,"            }"],
      [144,"        }"],
      [145,"        let is_behind = !self.is_broken && !log.is_read(cursor);"],
      [146,"        if log.lets_go() {"],
      [147,"            self.room.wake_everybody(); // for the speakers that wait"],
      [148,"        }"],
      [149,"        Ok(is_behind)"],
      [150,"    }"],
      [152,""],
      [154,"    /// Half-closes the connection, and waits until the client has closed it too. If we closed it with"],
      [155,"    /// unread data in it, that would reset it, and the last line might be lost."],
      [156,"    async fn part(mut self) -> io::Result<()> {"],
      [157,"        self.stream.shutdown().await?;"],
      [158,"        loop {"],
      [159,"            self.stream.readable().await?;"],
      [160,"            let thrown_away = self.stream.try_read(&mut [0; 4096]);"],
      [161,"            match thrown_away {"],
      [162,"                Ok(0) => return Ok(()),"],
      [163,"                Err(error) if !is_passing(&error) => return Err(error),"],
      [164,"                _ => task::yield_now().await,"],
      [165,"            }"],
      [166,"        }"],
      [167,"    }"],
      [168,"}"]
    ]}
  ]
}
