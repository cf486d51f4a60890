/*
 * BlockedClose.java: closes channels on which another thread is blocked writing, which OpenJDK does by a dup2 over the number, while a
 * third thread makes new connections.
 */

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

public final class BlockedClose {
    private static int closed;
    private static volatile boolean over;

    private static void churn(ServerSocketChannel listener) {
        while (!over) {
            try (SocketChannel client = SocketChannel.open(listener.getLocalAddress()); SocketChannel server = listener.accept()) {
                client.write(ByteBuffer.wrap(new byte[] {1}));
                server.read(ByteBuffer.allocate(1));
            } catch (IOException unexpected) {
                System.out.println(unexpected);
            }
        }
    }

    private static void write(SocketChannel channel) {
        ByteBuffer bytes = ByteBuffer.allocate(1 << 20);
        try {
            while (true) {
                bytes.clear();
                channel.write(bytes);
            }
        } catch (ClosedChannelException expected) {
            closed++;
        } catch (IOException unexpected) {
            System.out.println(unexpected);
        }
    }

    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        try (ServerSocketChannel listener = ServerSocketChannel.open(); ServerSocketChannel other = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress("127.0.0.1", 0));
            other.bind(new InetSocketAddress("127.0.0.1", 0));
            Thread churning = new Thread(() -> churn(other));
            churning.start();
            for (int round = 0; round < rounds; round++) {
                SocketChannel client = SocketChannel.open(listener.getLocalAddress());
                SocketChannel server = listener.accept();
                Thread writer = new Thread(() -> write(client));
                writer.start();
                while (writer.getState() == Thread.State.NEW) {
                    Thread.yield();
                }
                Thread.sleep(20);
                client.close();
                writer.join();
                server.close();
            }
            over = true;
            churning.join();
        }
        System.out.println("closed " + closed + " of " + rounds);
    }
}
