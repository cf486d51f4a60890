// Sockets.java: Java's socket classes, old and new, its selectors and its http client and server, on loopback. Prints a
// line for each thing that was tried, `ok NAME: what came of it`, which is the same in every run.
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.AsynchronousServerSocketChannel;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public class Sockets {
    static final InetAddress HOST = InetAddress.getLoopbackAddress();

    static void result(String name, Object... values) {
        System.out.println("ok " + name + ": " + Arrays.toString(values));
    }

    /** What a call came to: its value, or the exception's name and message. */
    static Object outcome(Callable<?> call) {
        try {
            return call.call();
        } catch (ExecutionException e) {
            return e.getCause().toString();
        } catch (Exception e) {
            return e.toString();
        }
    }

    static Socket[] connected() throws IOException {
        try (ServerSocket listener = new ServerSocket(0, 16, HOST)) {
            Socket client = new Socket(HOST, listener.getLocalPort());
            return new Socket[] {client, listener.accept()};
        }
    }

    static Object write(Socket socket) {
        return outcome(() -> {
            socket.getOutputStream().write(new byte[10]);
            return "written";
        });
    }

    static Object read(Socket socket) {
        return outcome(() -> socket.getInputStream().read());
    }

    /** A thread for each connection; the clients close their half and read to the end. */
    static void threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(16);
        try (ServerSocket listener = new ServerSocket(0, 50, HOST)) {
            Future<?> server = pool.submit(() -> {
                for (int i = 0; i < 20; i++) {
                    Socket connection = listener.accept();
                    pool.submit(() -> {
                        byte[] question = connection.getInputStream().readAllBytes();
                        connection.getOutputStream().write(("seen " + question.length).getBytes());
                        connection.close();
                        return null;
                    });
                }
                return null;
            });
            StringBuilder answers = new StringBuilder();
            for (int i = 0; i < 20; i++) {
                try (Socket client = new Socket(HOST, listener.getLocalPort())) {
                    client.getOutputStream().write(new byte[i * 1000]);
                    client.shutdownOutput();
                    answers.append(new String(client.getInputStream().readAllBytes())).append(' ');
                }
            }
            server.get();
            result("threads", answers);
        }
        pool.shutdown();
    }

    static void gone() throws Exception {
        Socket[] pair = connected();
        pair[1].close();
        result("closed by the peer", read(pair[0]), write(pair[0]), write(pair[0]));
        pair = connected();
        pair[1].setSoLinger(true, 0);
        pair[1].close();
        result("reset by the peer", read(pair[0]), write(pair[0]));
        pair = connected();
        pair[0].shutdownOutput();
        result("own shutdown", write(pair[0]), read(pair[1]));
        pair = connected();
        pair[0].close();
        result("own close", write(pair[0]), read(pair[0]));
        pair = connected();
        pair[0].setSoTimeout(50);
        result("time-out", read(pair[0]));
    }

    /** A close wakes the threads that are blocked on the descriptor: the library has a trick for that. */
    static void closedWhileBlocked() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        Socket[] pair = connected();
        ServerSocket listener = new ServerSocket(0, 1, HOST);
        SocketChannel channel = SocketChannel.open(new InetSocketAddress(HOST, listener.getLocalPort()));
        Future<Object> reader = pool.submit(() -> read(pair[0]));
        Future<Object> writer = pool.submit(() -> outcome(() -> {
            for (;;)
                pair[0].getOutputStream().write(new byte[100000]);
        }));
        Socket held = listener.accept();
        Future<Object> acceptor = pool.submit(() -> outcome(listener::accept));
        // Whether it was blocked already is a matter of luck: if so, the exception is a more special one.
        Future<Object> channelReader = pool.submit(() -> {
            try {
                return channel.read(ByteBuffer.allocate(1));
            } catch (ClosedChannelException e) {
                return "channel closed";
            }
        });
        Thread.sleep(300);
        pair[0].close();
        listener.close();
        channel.close();
        result("closed while blocked", reader.get(), writer.get(), acceptor.get(), channelReader.get());
        held.close();
        pool.shutdown();
    }

    static void interrupted() throws Exception {
        Object[] seen = new Object[2];
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(HOST, 0));
        SocketChannel channel = SocketChannel.open(listener.getLocalAddress());
        Thread thread = new Thread(() -> seen[0] = outcome(() -> channel.read(ByteBuffer.allocate(1))));
        thread.start();
        Thread.sleep(100);
        thread.interrupt();
        thread.join();
        result("interrupted", seen[0], channel.isOpen());
        listener.close();
    }

    static void selectors() throws Exception {
        Selector selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(HOST, 0));
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        SocketChannel[] clients = new SocketChannel[10];
        for (int i = 0; i < clients.length; i++) {
            clients[i] = SocketChannel.open(listener.getLocalAddress());
            clients[i].write(ByteBuffer.wrap(("client " + i).getBytes()));
            clients[i].shutdownOutput();
        }
        for (int ended = 0; ended < clients.length;) {
            selector.select(5000);
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    SocketChannel accepted = listener.accept();
                    accepted.configureBlocking(false);
                    accepted.register(selector, SelectionKey.OP_READ);
                } else if (key.isReadable()) {
                    SocketChannel channel = (SocketChannel) key.channel();
                    ByteBuffer buffer = ByteBuffer.allocate(100);
                    if (channel.read(buffer) < 0) {
                        channel.close();
                        ended++;
                    } else {
                        channel.write(buffer.flip());
                    }
                }
            }
            selector.selectedKeys().clear();
        }
        StringBuilder answers = new StringBuilder();
        for (SocketChannel client : clients)
            answers.append(new String(client.socket().getInputStream().readAllBytes())).append(", ");
        result("selectors", answers);
        listener.close();
        selector.close();
    }

    static void transfers() throws Exception {
        Path file = Path.of("java.data");
        byte[] data = new byte[3000000];
        for (int i = 0; i < data.length; i++)
            data[i] = (byte) (i * 31 >> 3);
        Files.write(file, data);
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(HOST, 0));
        SocketChannel client = SocketChannel.open(listener.getLocalAddress());
        SocketChannel server = listener.accept();
        Thread sender = new Thread(() -> outcome(() -> {
            try (FileChannel source = FileChannel.open(file)) {
                for (long at = 0; at < data.length;)
                    at += source.transferTo(at, data.length - at, server);
            }
            server.close();
            return null;
        }));
        sender.start();
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        client.socket().getInputStream().transferTo(received);
        sender.join();
        result("sendfile", received.size(), Arrays.equals(received.toByteArray(), data));
    }

    static void asynchronous() throws Exception {
        AsynchronousServerSocketChannel listener =
            AsynchronousServerSocketChannel.open().bind(new InetSocketAddress(HOST, 0));
        Future<AsynchronousSocketChannel> accepted = listener.accept();
        AsynchronousSocketChannel client = AsynchronousSocketChannel.open();
        client.connect(listener.getLocalAddress()).get();
        AsynchronousSocketChannel server = accepted.get();
        Future<Integer> pending = client.read(ByteBuffer.allocate(10));
        int written = server.write(ByteBuffer.wrap("hello".getBytes())).get();
        Object got = outcome(pending::get);
        Future<Integer> never = client.read(ByteBuffer.allocate(10));
        client.close();
        result("asynchronous", written, got, outcome(never::get));
        server.close();
        listener.close();
    }

    static void local() throws Exception {
        Path path = Path.of("java.socket");
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(path));
        SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(path));
        SocketChannel server = listener.accept();
        client.write(ByteBuffer.wrap("local".getBytes()));
        ByteBuffer buffer = ByteBuffer.allocate(100);
        int count = server.read(buffer);
        client.close();
        result("local", count, outcome(() -> server.write(ByteBuffer.wrap(new byte[1]))));
        server.close();
        listener.close();
        Files.delete(path);
    }

    static void datagrams() throws Exception {
        DatagramSocket one = new DatagramSocket(0, HOST);
        DatagramChannel two = DatagramChannel.open().connect(one.getLocalSocketAddress());
        two.write(ByteBuffer.wrap("datagram".getBytes()));
        DatagramPacket packet = new DatagramPacket(new byte[100], 100);
        one.receive(packet);
        one.close();
        two.write(ByteBuffer.wrap(new byte[1]));
        result("datagrams", packet.getLength(), outcome(() -> two.read(ByteBuffer.allocate(1))));
        two.close();
    }

    static void http() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(HOST, 0), 0);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            byte[] answer = (exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + body.length).getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(answer);
            }
        });
        server.createContext("/broken", exchange -> {
            exchange.sendResponseHeaders(200, 1000000);
            exchange.getResponseBody().write(new byte[1000]);
            exchange.getResponseBody().flush();
            exchange.close();
        });
        server.start();
        URI base = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        for (int i = 0; i < 5; i++) {
            HttpRequest request = HttpRequest.newBuilder(base.resolve("/" + i))
                .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[i * 100000])).build();
            result("http " + i, client.send(request, HttpResponse.BodyHandlers.ofString()).body());
        }
        result("http broken off", outcome(() -> client.send(HttpRequest.newBuilder(base.resolve("/broken")).build(),
            HttpResponse.BodyHandlers.ofByteArray()).body().length));
        server.stop(0);
        result("http refused", outcome(() -> client.send(HttpRequest.newBuilder(base).build(),
            HttpResponse.BodyHandlers.ofString()).body()));
    }

    static void processes() throws Exception {
        Process filter = new ProcessBuilder("tr", "a-z", "A-Z").start();
        filter.getOutputStream().write("through a filter".getBytes());
        filter.getOutputStream().close();
        String text = new String(filter.getInputStream().readAllBytes());
        result("process", text, filter.waitFor());
    }

    public static void main(String[] arguments) throws Exception {
        threads();
        gone();
        closedWhileBlocked();
        interrupted();
        selectors();
        transfers();
        asynchronous();
        local();
        datagrams();
        http();
        processes();
    }
}
