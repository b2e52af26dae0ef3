/** Servers and clients of the scenarios, in Python. They say `ready PORT` or `answer PID PORT BODY` like those of process-lab. */

/** The parent accepts and gives each connection to a child that was there before, which answers. */
export const HANDING_ON = `import array, os, socket
ours, theirs = socket.socketpair()
if os.fork() == 0:
    kept = []
    while True:
        _, control, _, _ = theirs.recvmsg(1, socket.CMSG_SPACE(4))
        if not control: break
        c = socket.socket(fileno=array.array("i", control[0][2])[0])
        kept.append(c)
        c.recv(4096)
        body = str(os.getpid()).encode()
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    os._exit(0)
theirs.close()
s = socket.create_server(("127.0.0.1", 0))
print("ready", s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [c.fileno()]))])
    c.close()`;

/** Says its pid, then the port of each connection that it made. */
export const MANY = `import os, socket, sys
said = [os.getpid()]
for _ in range(int(sys.argv[2])):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    said.append(s.getsockname()[1])
    s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    while s.recv(4096): pass
    s.close()
print(*said)`;

/** Answers with its pid; arguments: protocol of the socket. */
export const ANSWERING = `import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, int(sys.argv[1]))
s.setsockopt(socket.IPPROTO_TCP, 23, 16) if sys.argv[1] == "6" else None
s.bind(("127.0.0.1", 0))
s.listen()
print("ready", s.getsockname()[1], flush=True)
kept = []
while True:
    c, _ = s.accept()
    kept.append(c)
    c.recv(99)
    c.sendall(str(os.getpid()).encode())`;

/** Asks and keeps the connection; arguments: protocol, flag of sendto(2) in place of a connect, port. */
export const ASKING = `import os, socket, sys
protocol, flag, port = map(int, sys.argv[1:])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
if flag == 0:
    s.connect(("127.0.0.1", port))
    s.sendall(b"x")
else:
    s.sendto(b"x", flag, ("127.0.0.1", port))
print("answer", os.getpid(), s.getsockname()[1], s.recv(99).decode(), flush=True)
sys.stdin.read()`;

/** Talks through a connection that it was started with, as descriptor 3. */
export const TALKING = `
import os, socket, sys
s = socket.socket(fileno=3)
s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
s.recv(1)
print("answer", os.getpid(), s.getsockname()[1], 0, flush=True)
sys.stdin.read()`;
