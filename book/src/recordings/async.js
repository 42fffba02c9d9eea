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
        {"terminal":1,"thread":"main","source":1,"line":68,"name":"accept","within":"poll","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":68,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` in `poll` returned `WouldBlock`: nobody else is waiting to be accepted.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":68,"name":"accept","within":"poll","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":68,"call":"accept → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned `WouldBlock`: nothing is there to read now.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":91,"name":"read","within":"try_read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":91,"call":"read → WouldBlock"}
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
        {"terminal":1,"thread":"main","source":1,"line":68,"name":"accept","within":"poll","value":"50002"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":68,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "In thread `main`, `accept` in `poll` returned `WouldBlock`: nobody else is waiting to be accepted.",
      "calls": [
        {"terminal":1,"thread":"main","source":1,"line":68,"name":"accept","within":"poll","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":1,"line":68,"call":"accept → WouldBlock"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned `WouldBlock`: nothing is there to read now.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":91,"name":"read","within":"try_read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":91,"call":"read → WouldBlock"}
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
      "caption": "In thread `main`, `read` in `try_read` returned 6: so many bytes have come (*data*).",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":91,"name":"read","within":"try_read","value":"6"}
      ],
      "because": 7,
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":91,"call":"read → 6"}
      ]
    },
    {
      "caption": "In thread `main`, `write` in `try_write_vectored` returned 12: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":128,"name":"write","within":"try_write_vectored","value":"12"}
      ],
      "screen": [
        {"terminal":2,"text":"50002:hello\n"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":12,"data":"50002:hello\n"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":128,"call":"write → 12"}
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
        {"terminal":1,"thread":"main","source":2,"line":91,"name":"read","within":"try_read","value":"WouldBlock"}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":91,"call":"read → WouldBlock"}
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
      "caption": "In terminal 3 somebody presses Ctrl-C, and the program ends. The kernel says good-bye with a FIN.",
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
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent all it wanted (*end*).",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":91,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 11,
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":91,"call":"read → 0"}
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
      "caption": "In thread `main`, `shutdown` in `half_close` returned: nothing more will be sent.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":150,"name":"shutdown","within":"half_close","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"F."},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":150,"call":"shutdown → ok"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent all it wanted (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":153,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 11,
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["main",1,101]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":153,"call":"read → 0"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `poll` until any socket is ready.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":32,"call":"poll","waits":true}
      ]
    },
    {
      "caption": "In terminal 2 somebody presses Ctrl-C, and the program ends. The kernel says good-bye with a FIN.",
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
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent all it wanted (*end*).",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":91,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 14,
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":91,"call":"read → 0"}
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
      "caption": "In thread `main`, `shutdown` in `half_close` returned: nothing more will be sent.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":150,"name":"shutdown","within":"half_close","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"F."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":150,"call":"shutdown → ok"}
      ]
    },
    {
      "caption": "In thread `main`, `read` in `try_read` returned 0: the other side has sent all it wanted (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":2,"line":153,"name":"read","within":"try_read","value":"0"}
      ],
      "because": 14,
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["main",1,101]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":2,"line":153,"call":"read → 0"}
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
      [54,"/// Works as [`serve`] does, but `admit` decides what happens to each connection."],
      [55,"///"],
      [56,"/// # Errors"],
      [57,"/// If the listener cannot be used with tokio."],
      [58,"pub async fn serve_with("],
      [59,"    listener: std::net::TcpListener,"],
      [60,"    room: &Arc<Room>,"],
      [61,"    admit: impl Fn(TcpStream, SocketAddr),"],
      [62,"    shutdown: impl Future,"],
      [63,") -> io::Result<()> {"],
      [64,"    listener.set_nonblocking(true)?;"],
      [65,"    let listener = TcpListener::from_std(listener)?;"],
      [66,"    let mut shutdown = pin!(shutdown);"],
      [67,"    loop {"],
      [68,"        select! {"],
      [69,"            _ = &mut shutdown => break,"],
      [70,"            accepted = listener.accept() => match accepted {"],
      [71,"                Ok((stream, peer)) => admit(stream, peer),"],
      [72,"                Err(error) => sleep(pause_for(&error)).await,"],
      [73,"            },"],
      [74,"        }"],
      [75,"    }"],
      [76,"    drop(listener); // no new clients"],
      [77,"    room.state().log.append(\"服务器关闭了\\n\".as_bytes()); // the server has closed"],
      [78,"    room.news.send_replace(News::Goodbye);"],
      [79,"    // Each client's task receives the news, so when nobody receives it any more, all have left."],
      [80,"    let _ = timeout(FAREWELL, room.news.closed()).await;"],
      [81,"    Ok(())"],
      [82,"}"],
      [84,""],
      [96,"/// Serves a client until it has left, and announces that."],
      [97,"pub async fn stay(client: Client<impl Connection, impl Publish>, peer: SocketAddr) {"],
      [98,"    if let Err(error) = client.serve().await {"],
      [99,"        note_disconnected(peer, &error);"],
      [100,"    }"],
      [101,"    print_line!(\"有客户端退出了\"); // a client has left"],
      [102,"}"]
    ]},
    {"file": "lessons/7.4-async-server/src/client.rs", "lines": [
      [34,"impl<C: Connection, P: Publish> Client<C, P> {"],
      [35,"    /// Creates a client that joins now."],
      [36,"    pub fn new(stream: C, peer: SocketAddr, room: Arc<Room>, publisher: Arc<P>) -> Client<C, P> {"],
      [37,"        let (news, seat) = (room.news.subscribe(), room.join());"],
      [38,"        Client {"],
      [39,"            stream,"],
      [40,"            peer,"],
      [41,"            room,"],
      [42,"            news,"],
      [43,"            seat,"],
      [44,"            publisher,"],
      [45,"            lines: Lines::trimmed(),"],
      [46,"            cut_at: None,"],
      [47,"            is_broken: false,"],
      [48,"            has_left: false,"],
      [49,"        }"],
      [50,"    }"],
      [52,""],
      [54,"    /// Serves the client until it has left, or the server closes."],
      [55,"    ///"],
      [56,"    /// # Errors"],
      [57,"    /// If the client does not read what it is sent, or resets the connection."],
      [58,"    pub async fn serve(mut self) -> io::Result<()> {"],
      [59,"        loop {"],
      [60,"            // Anything that is said after this line wakes us again, so we miss nothing."],
      [61,"            let goodbye = *self.news.borrow_and_update() == News::Goodbye;"],
      [62,"            let is_behind = self.send()?;"],
      [63,"            if !is_behind && (self.has_left || goodbye) {"],
      [64,"                return self.part().await;"],
      [65,"            }"],
      [66,"            // A client that is too fast for the others is not read from, so TCP tells it to stop."],
      [67,"            let is_held = !self.has_left && self.publisher.holds_up(self.seat);"],
      [68,"            let cut_at = self.cut_at.unwrap_or_else(Instant::now);"],
      [69,"            select! {"],
      [70,"                biased; // read what has arrived of a line before you cut it"],
      [71,"                _ = self.stream.readable(), if !self.has_left && !is_held => {"],
      [72,"                    self.read();"],
      [73,"                    // Yield, so that a client that floods us cannot starve the others."],
      [74,"                    task::yield_now().await;"],
      [75,"                }"],
      [76,"                _ = self.stream.socket().writable(), if is_behind => {}"],
      [77,"                () = sleep(ASK_AGAIN), if is_held => {}"],
      [78,"                () = sleep_until(cut_at), if self.cut_at.is_some() && !is_held => {"],
      [79,"                    let lines = self.lines.cut();"],
      [80,"                    self.say(&lines);"],
      [81,"                }"],
      [82,"                _ = self.news.changed() => {}"],
      [83,"            }"],
      [84,"        }"],
      [85,"    }"],
      [87,""],
      [89,"    fn read(&mut self) {"],
      [90,"        let mut buffer = [0; 4096];"],
      [91,"        let lines = match self.stream.try_read(&mut buffer) {"],
      [92,"            Ok(received @ 1..) => self.lines.add(&buffer[..received]),"],
      [93,"            Err(error) if is_passing(&error) => return,"],
      [94,"            outcome => {"],
      [95,"                self.has_left = true;"],
      [96,"                if let Err(error) = outcome {"],
      [97,"                    self.is_broken = true;"],
      [98,"                    note_disconnected(self.peer, &error);"],
      [99,"                }"],
      [100,"                self.lines.finish()"],
      [101,"            }"],
      [102,"        };"],
      [103,"        self.say(&lines);"],
      [104,"    }"],
      [105,""],
      [106,"    fn say(&mut self, lines: &[u8]) {"],
      [107,"        self.cut_at = self.lines.patience().map(|patience| Instant::now() + patience);"],
      [108,"        if !lines.is_empty() {"],
      [109,"            self.publisher.say(self.seat, self.peer.port(), lines);"],
      [110,"        }"],
      [111,"    }"],
      [113,""],
      [115,"    /// Sends what is in the log for this client, as much as its socket takes. Returns whether"],
      [116,"    /// something is left."],
      [117,"    fn send(&mut self) -> io::Result<bool> {"],
      [118,"        if self.is_broken {"],
      [119,"            return Ok(false);"],
      [120,"        }"],
      [121,"        let State { log, cursors, .. } = &mut *self.room.state();"],
      [122,"        let Some(cursor) = cursors.get_mut(&self.seat) else { return Ok(false) };"],
      [123,"        let Some(unread) = log.unread(cursor) else {"],
      [124,"            disconnect(self.stream.socket());"],
      [125,"            return Err(io::Error::other(\"it does not read what it is sent\"));"],
      [126,"        };"],
      [127,"        if !unread.is_empty() {"],
      [128,"            match self.stream.try_write_vectored(&unread) {"],
      [129,"                Ok(sent) => cursor.advance(sent),"],
      [130,"                Err(error) if is_passing(&error) => {}"],
      [131,"                Err(error) => {"],
      [132,"                    note_disconnected(self.peer, &error);"],
      [133,"                    disconnect(self.stream.socket()); // makes it readable, so that its end is read"],
      [134,"                    self.is_broken = true;"],
      [135,"                }"],
      [136,"            }"],
      [137,"        }"],
      [138,"        let is_behind = !self.is_broken && !log.is_read(cursor);"],
      [139,"        if log.lets_go() {"],
      [140,"            self.room.wake_everybody(); // for the speakers that wait"],
      [141,"        }"],
      [142,"        Ok(is_behind)"],
      [143,"    }"],
      [145,""],
      [147,"    /// Half-closes the connection, and waits until the client has closed it too. If we closed it with"],
      [148,"    /// unread data in it, that would reset it, and the last line might be lost."],
      [149,"    async fn part(mut self) -> io::Result<()> {"],
      [150,"        self.stream.half_close().await?;"],
      [151,"        loop {"],
      [152,"            self.stream.readable().await?;"],
      [153,"            let thrown_away = self.stream.try_read(&mut [0; 4096]);"],
      [154,"            match thrown_away {"],
      [155,"                Ok(0) => return Ok(()),"],
      [156,"                Err(error) if !is_passing(&error) => return Err(error),"],
      [157,"                _ => task::yield_now().await,"],
      [158,"            }"],
      [159,"        }"],
      [160,"    }"],
      [161,"}"]
    ]}
  ]
}
