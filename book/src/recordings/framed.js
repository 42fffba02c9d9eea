(window.recordings ??= {})["framed"] = {
  "made_by": "cargo run -p recorder -- framed",
  "terminals": [
    {"title":"cargo run -p lesson-framed-server","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001},
    {"title":"cargo run -p lesson-framed-client","port":50002}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-framed-server`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-framed-server\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":30,"name":"listen","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,30]},
        {"terminal":1,"text":"server listening at port 3000\n","by":["main",0,32]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":30,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":36,"call":"accept","waits":true}
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
        {"terminal":1,"thread":"main","source":0,"line":36,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":36,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects; terminal 1, thread `50001` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":36,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read","waits":true}
      ]
    },
    {
      "caption": "In terminal 3: `cargo run -p lesson-framed-client`.",
      "is_action": true,
      "screen": [
        {"terminal":3,"text":"$ cargo run -p lesson-framed-client\n","typed":true}
      ]
    },
    {
      "caption": "In terminal 3, thread `main`, `connect` returned: the connection is made (*connect*).",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":48,"name":"connect","value":"ok"}
      ],
      "because": 5,
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"S"},
        {"from":1,"to":3,"connection":50002,"flags":"S."},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":3,"thread":"main","source":1,"line":48,"call":"connect → ok"}
      ]
    },
    {
      "caption": "In terminal 1, thread `main`, `accept` returned a new socket: the connection with port 50002 (*connection*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":36,"name":"accept","value":"50002"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":36,"call":"accept → 50002"},
        {"terminal":3,"thread":"main","source":1,"line":125,"call":"read","waits":true}
      ]
    },
    {
      "caption": "All is quiet. 4 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":36,"call":"accept","waits":true},
        {"terminal":1,"thread":"50002","source":0,"line":76,"call":"read","waits":true}
      ]
    },
    {
      "caption": "Terminal 2 sends two messages at the same time, each after its length: `hello`, and `a↵b`, in which there is a newline. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":16,"data":"\u0000\u0000\u0000\u0005hello\u0000\u0000\u0000\u0003a\nb"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `read` returned 16: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"name":"read","value":"16"}
      ],
      "because": 7,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read → 16"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `write` in `send_now` returned 28: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":148,"name":"write","within":"send_now","value":"28"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":28,"data":"\u0000\u0000\u0000\u000b50001:hello\u0000\u0000\u0000\t50001:a\nb"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":148,"call":"write → 28"}
      ]
    },
    {
      "caption": "In terminal 3, thread `main`, `read` returned 28: that many bytes have arrived (*data*). The thread prints 2 lines.",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":125,"name":"read","value":"28"}
      ],
      "because": 9,
      "screen": [
        {"terminal":3,"text":"50001:hello\n50001:a␊b\n","by":["main",1,150]}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read","waits":true},
        {"terminal":3,"thread":"main","source":1,"line":125,"call":"read → 28"}
      ]
    },
    {
      "caption": "All is quiet. 4 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":3,"thread":"main","source":1,"line":125,"call":"read","waits":true}
      ]
    },
    {
      "caption": "Terminal 2 sends the length 3, and two of the three bytes of `你`. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":6,"data":"00 00 00 03 e4 bd"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `read` returned 6: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"name":"read","value":"6"}
      ],
      "because": 11,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read → 6"}
      ]
    },
    {
      "caption": "All is quiet. 4 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read","waits":true}
      ]
    },
    {
      "caption": "Nothing is passed on to terminal 3. The length says that a byte is missing, so the server keeps the two that it has.",
      "is_action": true
    },
    {
      "caption": "Terminal 2 sends the third byte, and nothing after it. The bytes are on their way.",
      "is_action": true,
      "wire": [
        {"from":2,"to":1,"connection":50001,"flags":"P.","bytes":1,"data":"a0"},
        {"from":1,"to":2,"connection":50001,"flags":"."}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `read` returned 1: that many bytes have arrived (*data*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"name":"read","value":"1"}
      ],
      "because": 13,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read → 1"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, `write` in `send_now` returned 13: the kernel has taken the bytes for 50002.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":148,"name":"write","within":"send_now","value":"13"}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"P.","bytes":13,"data":"\u0000\u0000\u0000\t50001:你"},
        {"from":3,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":148,"call":"write → 13"}
      ]
    },
    {
      "caption": "In terminal 3, thread `main`, `read` returned 13: that many bytes have arrived (*data*). The thread prints a line.",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":125,"name":"read","value":"13"}
      ],
      "because": 15,
      "screen": [
        {"terminal":3,"text":"50001:你\n","by":["main",1,150]}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":148,"call":"write"},
        {"terminal":3,"thread":"main","source":1,"line":125,"call":"read → 13"}
      ]
    },
    {
      "caption": "All is quiet. 4 threads wait, each in the call at its mark.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read","waits":true},
        {"terminal":3,"thread":"main","source":1,"line":125,"call":"read","waits":true}
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
      "caption": "In terminal 1, thread `50001`, `read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"name":"read","value":"0"}
      ],
      "because": 17,
      "screen": [
        {"terminal":1,"text":"有客户端退出了\n","by":["50001",0,56]}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":76,"call":"read → 0"}
      ]
    },
    {
      "caption": "In terminal 1, thread `50001`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":57,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"F."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":57,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: terminal 1, thread `main` waits in `accept` until a client connects; terminal 1, thread `50002` waits in `read` until something arrives; terminal 3, thread `main` waits in `read` until something arrives.",
      "ended": [[1,"50001"]]
    },
    {
      "caption": "In terminal 1 somebody presses Ctrl-C, and the program ends. The kernel says goodbye with a FIN.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":1,"to":3,"connection":50002,"flags":"F."}
      ],
      "ended": [[1,"main"],[1,"50002"]]
    },
    {
      "caption": "In terminal 3, thread `main`, `read` returned 0: the other side has sent everything that it wanted to (*end*). The thread prints a line.",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":125,"name":"read","value":"0"}
      ],
      "because": 20,
      "screen": [
        {"terminal":3,"text":"the server has closed the connection\n","by":["main",1,132]}
      ],
      "threads": [
        {"terminal":3,"thread":"main","source":1,"line":125,"call":"read → 0"}
      ]
    },
    {
      "caption": "In terminal 3, thread `main`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":3,"thread":"main","source":1,"line":70,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":3,"to":1,"connection":50002,"flags":"F."},
        {"from":1,"to":3,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":3,"thread":"main","source":1,"line":70,"call":"close → ok"}
      ]
    },
    {
      "caption": "The program in terminal 3 has ended, with exit status 0.",
      "ended": [[3,"main"]]
    }
  ],
  "sources": [
    {"file": "lessons/7.1-framed-server/src/main.rs", "lines": [
      [28,"fn main() -> Result<(), Failure> {"],
      [29,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [30,"    let (listener, bound) = listen(&address)?;"],
      [31,"    set_send_buffer(&listener, SEND_BUFFER);"],
      [32,"    print_line!(\"server listening at port {}\", bound.port());"],
      [33,""],
      [34,"    let room = Arc::new(Room::default());"],
      [35,"    loop {"],
      [36,"        let accepted = listener.accept();"],
      [37,"        if let Err(error) = accepted.and_then(|(stream, peer)| admit(stream, peer, &room)) {"],
      [38,"            pause_after(&error);"],
      [39,"        }"],
      [40,"    }"],
      [41,"}"],
      [43,""],
      [45,"fn admit(stream: TcpStream, peer: SocketAddr, room: &Arc<Room>) -> io::Result<()> {"],
      [46,"    let _ = stream.set_nodelay(true); // an error means that the client has already left"],
      [47,"    let stream = Arc::new(stream);"],
      [48,"    room.clients().insert(peer, Arc::clone(&stream));"],
      [49,"    let clients_room = Arc::clone(room);"],
      [50,"    let started = thread::Builder::new().spawn(move || {"],
      [51,"        let outcome = pass_on_what_is_said(&stream, peer, &clients_room);"],
      [52,"        clients_room.leave(&stream);"],
      [53,"        if let Err(too_long) = outcome {"],
      [54,"            refuse(&stream, peer, &too_long);"],
      [55,"        }"],
      [56,"        print_line!(\"有客户端退出了\"); // a client has left"],
      [57,"    });"],
      [58,"    if started.is_err() {"],
      [59,"        room.clients().remove(&peer);"],
      [60,"    }"],
      [61,"    started.map(|_| ())"],
      [62,"}"],
      [64,""],
      [66,"/// Reads until the client leaves. A message that it has only begun is not passed on, because half a"],
      [67,"/// frame is not a message, although half a line may be."],
      [68,"fn pass_on_what_is_said("],
      [69,"    mut stream: &TcpStream,"],
      [70,"    peer: SocketAddr,"],
      [71,"    room: &Room,"],
      [72,") -> Result<(), TooLong> {"],
      [73,"    let mut frames = Frames::new(LONGEST);"],
      [74,"    let pace = Pace::default();"],
      [75,"    let mut buffer = [0; 4096];"],
      [76,"    while let Ok(received @ 1..) = uninterrupted(|| stream.read(&mut buffer)) {"],
      [77,"        frames.add(&buffer[..received]);"],
      [78,"        // Everything that one read has completed leaves in one go, however short the messages are."],
      [79,"        let mut messages = Vec::new();"],
      [80,"        let outcome = label(peer.port(), &mut frames, &mut messages);"],
      [81,"        room.broadcast(peer, &messages);"],
      [82,"        outcome?;"],
      [83,"        pace.spend(messages.len());"],
      [84,"        pace.wait(); // a client that is too fast is not read from for a while"],
      [85,"    }"],
      [86,"    Ok(())"],
      [87,"}"],
      [88,""],
      [129,"impl Room {"],
      [130,"    fn clients(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Arc<TcpStream>>> {"],
      [131,"        self.clients.lock().unwrap_or_else(PoisonError::into_inner)"],
      [132,"    }"],
      [133,""],
      [134,"    /// Removes a client by its socket, because after a reset another client may have its address."],
      [135,"    fn leave(&self, stream: &Arc<TcpStream>) {"],
      [136,"        self.clients().retain(|_, other| !Arc::ptr_eq(other, stream));"],
      [137,"    }"],
      [138,""],
      [139,"    /// Sends `messages` to every client except the sender."],
      [140,"    fn broadcast(&self, sender: SocketAddr, messages: &[u8]) {"],
      [141,"        if messages.is_empty() {"],
      [142,"            return;"],
      [143,"        }"],
      [144,"        self.clients().retain(|peer, stream| {"],
      [145,"            if *peer == sender {"],
      [146,"                return true;"],
      [147,"            }"],
      [148,"            let Err(error) = send_now(stream, messages) else { return true };"],
      [149,"            disconnect(&**stream); // its own thread wakes up, and prints that it has left"],
      [150,"            note_disconnected(*peer, &error);"],
      [151,"            false"],
      [152,"        });"],
      [153,"    }"],
      [154,"}"]
    ]},
    {"file": "lessons/7.1-framed-client/src/main.rs", "lines": [
      [45,"fn main() -> Result<(), Failure> {"],
      [46,"    let (address, path) = arguments().unwrap_or_else(|problem| lesson!().refuse(problem));"],
      [47,"    let file = path.as_deref().map(open).transpose()?;"],
      [48,"    let server = TcpStream::connect(&address)"],
      [49,"        .map_err(|error| cannot_connect(&address, error, \"lesson-framed-server\"))?;"],
      [50,"    check_connected(&server, &address, \"lesson-framed-server\")?;"],
      [51,"    let to_server = server.try_clone().context(\"cannot share the connection with a thread\")?;"],
      [52,""],
      [53,"    // As in 6.3.2, there are two things to wait for, so there is a thread for each."],
      [54,"    let (end, ended) = mpsc::channel();"],
      [55,"    let sender = thread::Builder::new().spawn(move || {"],
      [56,"        let outcome = match file {"],
      [57,"            Some(file) => send_file(file, &to_server),"],
      [58,"            None => send_what_is_typed(&to_server)"],
      [59,"                .inspect_err(|error| note!(\"cannot send what is typed: {error}\")),"],
      [60,"        };"],
      [61,"        let _ = end.send(outcome); // first, because the server may close when we half-close"],
      [62,"        let _ = to_server.shutdown(Shutdown::Write); // half-close: all is sent, but we still listen"],
      [63,"    });"],
      [64,"    sender.context(\"cannot start a thread that sends\")?;"],
      [65,"    show_what_arrives(&server, &address)?;"],
      [66,"    match path {"],
      [67,"        Some(path) => all_is_sent(&path, &ended),"],
      [68,"        None => Ok(()), // do not wait for the keyboard any longer"],
      [69,"    }"],
      [70,"}"],
      [71,""],
      [121,"fn show_what_arrives(mut server: &TcpStream, address: &str) -> Result<(), Failure> {"],
      [122,"    let mut frames = Frames::new(LABEL + LONGEST);"],
      [123,"    let mut buffer = vec![0; 32 * 1024]; // if we fall behind, a few reads are enough to catch up"],
      [124,"    loop {"],
      [125,"        let received = uninterrupted(|| server.read(&mut buffer))"],
      [126,"            .map_err(|error| lost_connection(address, error))?;"],
      [127,"        if received == 0 && frames.kept() > 0 {"],
      [128,"            let cut_off = io::Error::other(\"it has ended in the middle of a message\");"],
      [129,"            return Err(lost_connection(address, cut_off).into());"],
      [130,"        }"],
      [131,"        if received == 0 {"],
      [132,"            note!(\"the server has closed the connection\");"],
      [133,"            return Ok(());"],
      [134,"        }"],
      [135,"        frames.add(&buffer[..received]);"],
      [136,"        show(&mut frames).map_err(|error| {"],
      [137,"            anyhow!("],
      [138,"                \"{address}: {error}\\n\\"],
      [139,"                 Another kind of server may be there, which knows no lengths. Stop it, and start this one: \\"],
      [140,"                 cargo run -p lesson-framed-server -- {address}\""],
      [141,"            )"],
      [142,"        })?;"],
      [143,"    }"],
      [144,"}"],
      [145,""],
      [146,"/// Prints all complete messages in one write."],
      [147,"fn show(frames: &mut Frames) -> Result<(), TooLong> {"],
      [148,"    let mut lines = String::new();"],
      [149,"    let outcome = add_lines(frames, &mut lines);"],
      [150,"    print_or_exit(&lines);"],
      [151,"    outcome"],
      [152,"}"]
    ]}
  ]
}
