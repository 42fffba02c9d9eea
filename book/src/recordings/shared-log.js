(window.recordings ??= {})["shared-log"] = {
  "made_by": "cargo run -p recorder -- shared-log",
  "terminals": [
    {"title":"cargo run -p lesson-shared-log-server","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001},
    {"title":"nc 127.0.0.1 3000","port":50002},
    {"title":"nc 127.0.0.1 3000","port":50003}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-shared-log-server`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-shared-log-server\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":31,"name":"listen","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,31]},
        {"terminal":1,"text":"server listening at port 3000\n","by":["main",0,33]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":31,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"accept","waits":true}
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
        {"terminal":1,"thread":"main","source":0,"line":37,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `to 50001` waits in `wait` until another thread wakes it up.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":91,"call":"read","waits":true},
        {"terminal":1,"thread":"to 50001","source":1,"line":157,"call":"wait","waits":true}
      ]
    },
    {
      "caption": "In terminal 3: `nc 127.0.0.1 3000`, here with a small receive buffer. Ctrl-Z stops the program before it reads anything. The kernels agree on a connection; no call of the server has returned yet.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"$ nc 127.0.0.1 3000\n^Z\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"S","window":16384},
        {"from":1,"to":3,"connection":50002,"flags":"S."},
        {"from":3,"to":1,"connection":50002,"flags":".","window":16384}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":37,"name":"accept","value":"50002"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "All is quiet. 5 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"accept","waits":true},
        {"terminal":1,"thread":"50002","source":0,"line":91,"call":"read","waits":true},
        {"terminal":1,"thread":"to 50002","source":1,"line":157,"call":"wait","waits":true}
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
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50003 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":37,"name":"accept","value":"50003"}
      ],
      "because": 9,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"accept → 50003"}
      ]
    },
    {
      "caption": "All is quiet. 7 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":37,"call":"accept","waits":true},
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read","waits":true},
        {"terminal":1,"thread":"thread 10","source":1,"line":157,"call":"wait","waits":true}
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
      "caption": "In thread `50003`, `read` returned 19: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50003","source":0,"line":91,"name":"read","value":"19"}
      ],
      "because": 10,
      "threads": [
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read → 19"}
      ]
    },
    {
      "caption": "In thread `to 50001`, `write` in `write_all` returned 25: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"to 50001","source":0,"line":109,"name":"write","within":"write_all","value":"25"}
      ],
      "screen": [
        {"terminal":2,"text":"50003:hello, both of you\n"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":25,"data":"50003:hello, both of you\n"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"to 50001","source":0,"line":109,"call":"write → 25"},
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read"}
      ]
    },
    {
      "caption": "In thread `to 50002`, `write` in `write_all` returned 25: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"name":"write","within":"write_all","value":"25"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":25,"data":"50003:hello, both of you\n"},
        {"from":3,"to":1,"connection":50002,"flags":".","window":16359}
      ],
      "threads": [
        {"terminal":1,"thread":"to 50001","source":0,"line":109,"call":"write"},
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"call":"write → 25"}
      ]
    },
    {
      "caption": "All is quiet. 7 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"to 50001","source":1,"line":157,"call":"wait","waits":true},
        {"terminal":1,"thread":"to 50002","source":1,"line":157,"call":"wait","waits":true},
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read","waits":true}
      ]
    },
    {
      "caption": "The line is in the log once. Each client's thread `to …` has sent it from there, and has moved its client's cursor behind it.",
      "is_action": true
    },
    {
      "caption": "Terminal 4 sends 80 long lines, and `the end`. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":4,"to":1,"connection":50003,"flags":".","bytes":128000,"times":3},
        {"from":1,"to":4,"connection":50003,"flags":".","times":3}
      ]
    },
    {
      "caption": "In thread `50003`, `read` has returned 80 times, 320,008 bytes in all.",
      "calls": [
        {"terminal":1,"thread":"50003","source":0,"line":91,"name":"read","value":"320008","times":80}
      ],
      "because": 16,
      "threads": [
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read → 4096"}
      ]
    },
    {
      "caption": "In thread `to 50001`, `write` has returned 79 times, 320,494 bytes in all.",
      "calls": [
        {"terminal":1,"thread":"to 50001","source":0,"line":109,"name":"write","within":"write_all","value":"320494","times":79}
      ],
      "screen": [
        {"terminal":2,"text":"…\n"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":320494,"times":79},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"to 50001","source":0,"line":109,"call":"write → 4006"},
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"call":"write","waits":true},
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read"}
      ]
    },
    {
      "caption": "In thread `to 50002`, `write` has returned 39 times, 156,234 bytes in all. The window of terminal 3 is 0 now: its kernel has no room left, so the rest of what is sent to it waits in the sender's kernel.",
      "calls": [
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"name":"write","within":"write_all","value":"156234","times":39}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":28042,"times":7},
        {"from":3,"to":1,"connection":50002,"flags":".","times":11,"window":0},
        {"from":2,"to":1,"connection":50001,"flags":".","times":78},
        {"from":4,"to":1,"connection":50003,"flags":".","times":10},
        {"from":1,"to":4,"connection":50003,"flags":".","times":14},
        {"from":4,"to":1,"connection":50003,"flags":"P.","bytes":192008,"times":5},
        {"from":1,"to":3,"connection":50002,"flags":".","times":5}
      ],
      "threads": [
        {"terminal":1,"thread":"to 50001","source":0,"line":109,"call":"write"},
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"call":"write → 4006"}
      ]
    },
    {
      "caption": "All is quiet. 7 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"to 50001","source":1,"line":157,"call":"wait","waits":true},
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"call":"write","waits":true},
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read","waits":true}
      ]
    },
    {
      "caption": "Terminal 2 has everything: its cursor is at the end of the log. Terminal 3 reads nothing, so the thread that sends to it waits in `write_all`, and its cursor stays behind. For a second the server read no more from terminal 4, because a slow reader might catch up. Terminal 3 did not, so now nobody waits for it.",
      "is_action": true
    },
    {
      "caption": "Terminal 3 reads everything that it has missed.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"$ fg\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":".","times":8,"window":20030}
      ]
    },
    {
      "caption": "In thread `to 50002`, `write` in `write_all` returned 4006: it has waited until there was room (*drain*).",
      "calls": [
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"name":"write","within":"write_all","value":"4006"}
      ],
      "because": 27,
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":132198,"times":7}
      ],
      "threads": [
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"call":"write → 4006"}
      ]
    },
    {
      "caption": "In thread `to 50002`, `write` has returned 5 times, 160,254 bytes in all.",
      "calls": [
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"name":"write","within":"write_all","value":"160254","times":5}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":".","bytes":160254,"times":15},
        {"from":3,"to":1,"connection":50002,"flags":".","times":11,"window":20030}
      ],
      "threads": [
        {"terminal":1,"thread":"to 50002","source":0,"line":109,"call":"write → 32768"}
      ]
    },
    {
      "caption": "All is quiet. 7 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"to 50002","source":1,"line":157,"call":"wait","waits":true}
      ]
    },
    {
      "caption": "Now both cursors are at the end of the log. Each write sent everything that its client had missed, up to 32 KiB.",
      "is_action": true
    },
    {
      "caption": "In terminal 3 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"F.","window":20030},
        {"from":1,"to":3,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In thread `50002`, `read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50002","source":0,"line":91,"name":"read","value":"0"}
      ],
      "because": 31,
      "threads": [
        {"terminal":1,"thread":"50002","source":0,"line":91,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `to 50002`, the socket is dropped, which closes it (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"to 50002","source":0,"line":76,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["to 50002",0,77]}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"F."},
        {"from":3,"to":1,"connection":50002,"flags":".","window":20030}
      ],
      "threads": [
        {"terminal":1,"thread":"to 50002","source":0,"line":76,"call":"close → ok"}
      ],
      "ended": [[1,"50002"]]
    },
    {
      "caption": "All is quiet. 5 threads wait, each in the call at its mark.",
      "ended": [[1,"to 50002"]]
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
      "caption": "In thread `50003`, `read` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50003","source":0,"line":91,"name":"read","value":"0"}
      ],
      "because": 35,
      "threads": [
        {"terminal":1,"thread":"50003","source":0,"line":91,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `thread 10`, the socket is dropped, which closes it (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"thread 10","source":0,"line":76,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["thread 10",0,77]}
      ],
      "wire": [
        {"from":1,"to":4,"connection":50003,"flags":"F."},
        {"from":4,"to":1,"connection":50003,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"thread 10","source":0,"line":76,"call":"close → ok"}
      ],
      "ended": [[1,"50003"]]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives; thread `to 50001` waits in `wait` until another thread wakes it up.",
      "ended": [[1,"thread 10"]]
    }
  ],
  "sources": [
    {"file": "lessons/7.2-shared-log-server/src/main.rs", "lines": [
      [29,"fn main() -> Result<(), Failure> {"],
      [30,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [31,"    let (listener, bound) = listen(&address)?;"],
      [32,"    set_send_buffer(&listener, SEND_BUFFER);"],
      [33,"    print_line!(\"server listening at port {}\", bound.port());"],
      [34,""],
      [35,"    let room = Arc::new(Room::default());"],
      [36,"    loop {"],
      [37,"        let accepted = listener.accept();"],
      [38,"        if let Err(error) = accepted.and_then(|(stream, peer)| admit(stream, peer, &room)) {"],
      [39,"            pause_after(&error);"],
      [40,"        }"],
      [41,"    }"],
      [42,"}"],
      [44,""],
      [73,"/// Lets go of a seat. The last thread to do so prints that the client has left."],
      [74,"fn let_go(seat: Arc<Seat>) {"],
      [75,"    if let Some(seat) = Arc::into_inner(seat) {"],
      [76,"        drop(seat);"],
      [77,"        print_line!(\"有客户端退出了\"); // a client has left"],
      [78,"    }"],
      [79,"}"],
      [81,""],
      [83,"/// Reads until the client leaves: in an orderly way, by an error, or because it was disconnected."],
      [84,"fn pass_on_what_is_said(seat: &Seat) {"],
      [85,"    let mut stream = &seat.client.stream;"],
      [86,"    let mut lines = Lines::trimmed();"],
      [87,"    let mut buffer = [0; 4096];"],
      [88,"    loop {"],
      [89,"        // An error means that the connection is over, and the read will say so."],
      [90,"        let _ = stream.set_read_timeout(lines.patience());"],
      [91,"        match uninterrupted(|| stream.read(&mut buffer)) {"],
      [92,"            Ok(received @ 1..) => seat.say(&lines.add(&buffer[..received])), // `data`"],
      [93,"            Err(error) if timed_out(stream, &error) => seat.say(&lines.cut()), // `timeout`"],
      [94,"            Err(error) => break note_disconnected(seat.client.peer, &error), // `error`"],
      [95,"            Ok(0) => break,                                                  // `end`"],
      [96,"        }"],
      [97,"    }"],
      [98,"    seat.say(&lines.finish());"],
      [99,"    seat.leave();"],
      [100,"}"],
      [102,""],
      [104,"/// Sends until the client has left and has received everything, or a write fails. A write may wait"],
      [105,"/// as long as it likes, because nobody waits for a reader that does not read."],
      [106,"fn send_what_others_say(seat: &Seat) {"],
      [107,"    let mut stream = &seat.client.stream;"],
      [108,"    while let Some(unread) = seat.unread() {"],
      [109,"        if let Err(error) = stream.write_all(&unread) {"],
      [110,"            disconnect(stream); // wakes the thread that reads, if it still waits"],
      [111,"            return note_disconnected(seat.client.peer, &error);"],
      [112,"        }"],
      [113,"    }"],
      [114,"}"]
    ]},
    {"file": "lessons/7.2-shared-log-server/src/room.rs", "lines": [
      [83,"impl Seat {"],
      [85,"    /// Adds what this client says to the log, and wakes everybody. Disconnects the readers that have"],
      [86,"    /// fallen off the log's tail because of it, since they have missed something."],
      [87,"    pub fn say(&self, lines: &[u8]) {"],
      [88,"        if lines.is_empty() {"],
      [89,"            return;"],
      [90,"        }"],
      [91,"        let mut lost = Vec::new();"],
      [92,"        {"],
      [93,"            let State { log, places, .. } = &mut *self.room.state();"],
      [94,"            let Some(author) = places.get_mut(&self.number) else { return };"],
      [95,"            log.say(&mut author.cursor, self.client.peer.port(), lines);"],
      [96,"            places.retain(|_, place| {"],
      [97,"                let stays = log.holds(&place.cursor);"],
      [98,"                if !stays {"],
      [99,"                    lost.push(Arc::clone(&place.client));"],
      [100,"                }"],
      [101,"                stays"],
      [102,"            });"],
      [103,"        }"],
      [104,"        self.room.ring();"],
      [105,"        for client in lost {"],
      [106,"            disconnect(&client.stream); // wakes its two threads, which then end"],
      [107,"            note!(\"disconnected {}: it does not read what it is sent\", client.peer);"],
      [108,"        }"],
      [109,"        self.wait_for_readers();"],
      [110,"    }"],
      [112,""],
      [114,"    /// Waits while this client is too fast for the readers. Meanwhile nobody reads from its socket,"],
      [115,"    /// so TCP makes the client stop sending."],
      [116,"    fn wait_for_readers(&self) {"],
      [117,"        let mut state = self.room.state();"],
      [118,"        loop {"],
      [119,"            let State { log, places, .. } = &mut *state;"],
      [120,"            match places.get(&self.number) {"],
      [121,"                Some(author) if log.holds_up(author.cursor.said()) => {}"],
      [122,"                _ => return,"],
      [123,"            }"],
      [124,"            let waited = self.bell().wait_timeout(state, ASK_AGAIN);"],
      [125,"            state = waited.unwrap_or_else(PoisonError::into_inner).0;"],
      [126,"        }"],
      [127,"    }"],
      [129,""],
      [131,"    /// Waits until there is something to send to this client, and returns a copy of it, so that the"],
      [132,"    /// log is free while the write takes its time. `None` means that there will be nothing more."],
      [133,"    pub fn unread(&self) -> Option<Vec<u8>> {"],
      [134,"        // Not much, because the cursor stands still during the write, as if the client did not read."],
      [135,"        const LARGEST_WRITE: usize = 32 * 1024; // bytes"],
      [136,"        let mut state = self.room.state();"],
      [137,"        loop {"],
      [138,"            let State { log, places, .. } = &mut *state;"],
      [139,"            let Place { cursor, has_left, .. } = places.get_mut(&self.number)?;"],
      [140,"            let mut unread = Vec::new();"],
      [141,"            for piece in log.unread(cursor)? {"],
      [142,"                let room = LARGEST_WRITE - unread.len();"],
      [143,"                unread.extend_from_slice(&piece[..room.min(piece.len())]);"],
      [144,"            }"],
      [145,"            if !unread.is_empty() {"],
      [146,"                cursor.advance(unread.len());"],
      [147,"                let lets_go = log.lets_go();"],
      [148,"                drop(state);"],
      [149,"                if lets_go {"],
      [150,"                    self.room.ring(); // for the speakers that wait"],
      [151,"                }"],
      [152,"                return Some(unread);"],
      [153,"            }"],
      [154,"            if *has_left {"],
      [155,"                return None;"],
      [156,"            }"],
      [157,"            state = self.bell().wait(state).unwrap_or_else(PoisonError::into_inner);"],
      [158,"        }"],
      [159,"    }"],
      [161,""],
      [163,"    /// Notes that this client will say nothing more. It still receives what was said before."],
      [164,"    pub fn leave(&self) {"],
      [165,"        if let Some(place) = self.room.state().places.get_mut(&self.number) {"],
      [166,"            place.has_left = true;"],
      [167,"        }"],
      [168,"        self.bell().notify_all();"],
      [169,"    }"],
      [171,"}"]
    ]}
  ]
}
