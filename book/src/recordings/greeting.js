(window.recordings ??= {})["greeting"] = {
  "made_by": "cargo run -p recorder -- greeting",
  "terminals": [
    {"title":"cargo run -p lesson-greeting","port":3000},
    {"title":"nc 127.0.0.1 3000","port":50001}
  ],
  "steps": [
    {
      "caption": "In terminal 1: `cargo run -p lesson-greeting`.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"$ cargo run -p lesson-greeting\n","typed":true}
      ]
    },
    {
      "caption": "In thread `main`, `listen` returned: from now on clients can connect (*listening*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":17,"name":"listen","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"listening on 127.0.0.1:3000: connect with telnet 127.0.0.1 3000 (or nc 127.0.0.1 3000), stop with Ctrl-C\n","by":["main",0,17]},
        {"terminal":1,"text":"服务器监听成功了，正在等待客户端连接\n","by":["main",0,19]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":17,"call":"listen → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects.",
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":22,"call":"accept","waits":true}
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
      "caption": "In thread `main`, `accept` returned a new socket: the connection with port 50001 (*connection*). The thread prints 2 lines.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":22,"name":"accept","value":"50001"}
      ],
      "because": 3,
      "screen": [
        {"terminal":1,"text":"有客户端连接上来了\n","by":["main",0,41]},
        {"terminal":1,"text":"客户端IP地址：127.0.0.1连接到了当前服务器\n","by":["main",0,42]}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":22,"call":"accept → 50001"}
      ]
    },
    {
      "caption": "In thread `50001`, `write` in `write_all` returned 5: the kernel has taken the bytes for 50001.",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":50,"name":"write","within":"write_all","value":"5"}
      ],
      "screen": [
        {"terminal":2,"text":"hello"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"P.","bytes":5,"data":"hello"},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":22,"call":"accept","waits":true},
        {"terminal":1,"thread":"50001","source":0,"line":50,"call":"write → 5"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects; thread `50001` waits in `read` until something arrives.",
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":51,"call":"read","waits":true}
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
      "caption": "In thread `50001`, `read` in `copy` returned 0: the other side has sent everything that it wanted to (*end*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":51,"name":"read","within":"copy","value":"0"}
      ],
      "because": 6,
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":51,"call":"read → 0"}
      ]
    },
    {
      "caption": "In thread `50001`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":1,"thread":"50001","source":0,"line":53,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":2,"connection":50001,"flags":"F."},
        {"from":2,"to":1,"connection":50001,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"50001","source":0,"line":53,"call":"close → ok"}
      ]
    },
    {
      "caption": "All is quiet: thread `main` waits in `accept` until a client connects.",
      "ended": [[1,"50001"]]
    },
    {
      "caption": "In terminal 1 somebody presses Ctrl-C. To wake `accept` up, the program connects to itself.",
      "is_action": true,
      "screen": [
        {"terminal":1,"text":"^C\n","typed":true}
      ],
      "wire": [
        {"from":1,"to":1,"connection":50002,"flags":"S"},
        {"from":1,"to":1,"connection":50002,"flags":"S."},
        {"from":1,"to":1,"connection":50002,"flags":"."}
      ]
    },
    {
      "caption": "In thread `main`, `accept` returned the program's own connection, which has woken it up.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":22,"name":"accept","value":"50002"}
      ],
      "because": 12,
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":22,"call":"accept → 50002"}
      ]
    },
    {
      "caption": "In thread `main`, the socket is dropped, which closes it (*close*).",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":29,"name":"close","within":"drop","value":"ok"}
      ],
      "wire": [
        {"from":1,"to":1,"connection":50002,"flags":"F."},
        {"from":1,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":29,"call":"close → ok"}
      ]
    },
    {
      "caption": "In thread `main`, the listener is dropped, so nobody can connect any more (*close*). The thread prints a line.",
      "calls": [
        {"terminal":1,"thread":"main","source":0,"line":31,"name":"close","within":"drop","value":"ok"}
      ],
      "screen": [
        {"terminal":1,"text":"服务器关闭了\n","by":["main",0,32]}
      ],
      "wire": [
        {"from":1,"to":1,"connection":50002,"flags":"F."},
        {"from":1,"to":1,"connection":50002,"flags":"."}
      ],
      "threads": [
        {"terminal":1,"thread":"main","source":0,"line":31,"call":"close → ok"}
      ]
    },
    {
      "caption": "The program in terminal 1 has ended, with exit status 0.",
      "ended": [[1,"main"]]
    }
  ],
  "sources": [
    {"file": "lessons/6.2.2.1-greeting/src/main.rs", "lines": [
      [15,"fn main() -> Result<(), Failure> {"],
      [16,"    let address = lesson!().address(\"127.0.0.1:3000\");"],
      [17,"    let (listener, _) = listen(&address)?;"],
      [18,"    let ctrl_c = CtrlC::wakes(&listener)?;"],
      [19,"    print_line!(\"服务器监听成功了，正在等待客户端连接\"); // listening, and waiting for clients"],
      [20,""],
      [21,"    loop {"],
      [22,"        let accepted = listener.accept();"],
      [23,"        if ctrl_c.pressed() {"],
      [24,"            break;"],
      [25,"        }"],
      [26,"        if let Err(error) = accepted.and_then(|(client, peer)| welcome(client, peer)) {"],
      [27,"            pause_after(&error);"],
      [28,"        }"],
      [29,"    }"],
      [30,""],
      [31,"    drop(listener);"],
      [32,"    print_line!(\"服务器关闭了\"); // the server has closed"],
      [33,"    Ok(())"],
      [34,"}"],
      [36,""],
      [38,"/// Takes what `accept` returned: a socket, and the address of the peer at its other end."],
      [39,"fn welcome(client: TcpStream, peer: SocketAddr) -> io::Result<()> {"],
      [40,"    let ip = peer.ip().to_canonical(); // 127.0.0.1, even if it arrived as ::ffff:127.0.0.1"],
      [41,"    print_line!(\"有客户端连接上来了\"); // a client has connected"],
      [42,"    print_line!(\"客户端IP地址：{ip}连接到了当前服务器\"); // a client at this address has connected"],
      [43,"    thread::Builder::new().spawn(|| greet(client))?;"],
      [44,"    Ok(())"],
      [45,"}"],
      [47,""],
      [49,"fn greet(mut client: TcpStream) -> io::Result<()> {"],
      [50,"    client.write_all(b\"hello\")?; // an error here means that the client has already left"],
      [51,"    io::copy(&mut client, &mut io::sink())?; // keeps the connection open until the client leaves"],
      [52,"    Ok(())"],
      [53,"}"]
    ]}
  ]
}
