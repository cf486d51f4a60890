# sockets.rb: what Ruby programs do with sockets, on loopback and in files of the working directory. Prints a line for each
# thing that was tried, `ok NAME: what came of it`, which is the same in every run.
require "net/http"
require "socket"
require "timeout"

$stdout.sync = true

def result(name, *values)
  puts "ok #{name}: #{values.map(&:inspect).join(', ')}"
end

def outcome
  yield
rescue SystemCallError, IOError => e
  e.class.name
end

def connected
  listener = TCPServer.new("127.0.0.1", 0)
  client = TCPSocket.new("127.0.0.1", listener.addr[1])
  server = listener.accept
  listener.close
  [client, server]
end

# A thread for each connection, as WEBrick and Puma have.
def threaded_server
  listener = TCPServer.new("127.0.0.1", 0)
  server = Thread.new do
    8.times.map do
      connection = listener.accept
      Thread.new do
        while (line = connection.gets)
          connection.puts line.chomp.reverse
        end
        connection.close
      end
    end.each(&:join)
  end
  answers = 8.times.map do |number|
    Thread.new do
      socket = TCPSocket.new("127.0.0.1", listener.addr[1])
      socket.puts "request #{number}"
      answer = socket.gets.chomp
      socket.close_write
      [answer, socket.read]
    end
  end.map(&:value)
  server.join
  result("threaded server", *answers)
end

# A server small enough to be here, and the library's client with a connection that is kept.
def http_client
  listener = TCPServer.new("127.0.0.1", 0)
  server = Thread.new do
    connection = listener.accept
    3.times do
      request = connection.gets
      length = 0
      while (line = connection.gets) && line != "\r\n"
        length = line.split[1].to_i if line =~ /^content-length:/i
      end
      body = request.split[0, 2].join(" ") + " " + connection.read(length).to_s
      connection.write "HTTP/1.1 200 OK\r\nContent-Length: #{body.size}\r\n\r\n#{body}"
    end
    connection.close
  end
  bodies = Net::HTTP.start("127.0.0.1", listener.addr[1]) do |http|
    [http.get("/one").body, http.post("/two", "x" * 10).body, http.delete("/three").body]
  end
  server.join
  result("http", *bodies)
end

def broken_pipe
  client, server = connected
  server.close
  result("broken pipe", client.read, outcome { client.write "lost" }, outcome { client.write "refused" })
  client, server = connected
  server.setsockopt(Socket::Option.linger(true, 0))
  server.close
  result("reset", outcome { client.readpartial 10 }, outcome { client.write "x" })
  client, server = connected
  client.shutdown(Socket::SHUT_WR)
  result("own shutdown", outcome { client.write "x" }, server.read)
end

def closed_by_another_thread
  client, _server = connected
  reader = Thread.new { outcome { client.read } }
  Thread.pass until reader.status == "sleep"
  client.close
  result("closed by another thread", reader.value, outcome { client.write "x" })
end

def non_blocking
  client, server = connected
  result("nothing to read", client.read_nonblock(10, exception: false))
  total = 0
  while (count = client.write_nonblock("x" * 65_536, exception: false)) != :wait_writable
    total += count
  end
  received = 0
  while received < total
    IO.select([server], nil, nil, 10) or break
    received += server.read_nonblock(65_536).size
  end
  result("as much as fits", received == total, total > 65_536)
end

def passed_descriptors
  left, right = UNIXSocket.pair
  client, server = connected
  pid = fork do
    left.close
    passed = right.recv_io(TCPSocket)
    passed.puts "from the child"
    exit! 3
  end
  left.send_io(client)
  client.close
  right.close
  Process.wait pid
  result("passed", server.gets, server.read, $?.exitstatus)
end

def local_sockets
  UNIXServer.open("ruby.socket") do |listener|
    client = UNIXSocket.new("ruby.socket")
    server = listener.accept
    client.puts "local"
    line = server.gets
    client.close
    result("local", line, outcome { server.write "x" })
  end
end

def subprocesses
  result("popen", IO.popen(["tr", "a-z", "A-Z"], "r+") { |io| io.write "text"; io.close_write; io.read })
  left, right = Socket.pair(:UNIX, :STREAM)
  pid = spawn("cat", in: right, out: right)
  right.close
  left.write "through a cat"
  left.close_write
  result("spawned on a socketpair", left.read, Process.wait2(pid)[1].exitstatus)
end

def interrupted
  client, server = connected
  result("timeout", begin
    Timeout.timeout(0.1) { client.read }
  rescue Timeout::Error => e
    e.class.name
  end)
  caught = 0
  trap("USR1") { caught += 1 }
  reader = Thread.new { client.read(4) }
  5.times { Process.kill("USR1", Process.pid); Thread.pass }
  server.write "data"
  result("signals", reader.value, caught.positive?)
end

def datagrams
  one = UDPSocket.new
  one.bind("127.0.0.1", 0)
  two = UDPSocket.new
  two.connect("127.0.0.1", one.addr[1])
  two.send "datagram", 0
  result("datagram", one.recvfrom(100)[0])
  one.close
  result("datagram to nobody", two.send("x", 0), outcome { two.send "x", 0 })
end

threaded_server
http_client
broken_pipe
closed_by_another_thread
non_blocking
passed_descriptors
local_sockets
subprocesses
interrupted
datagrams
