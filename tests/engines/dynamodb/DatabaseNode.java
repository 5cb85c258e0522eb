import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler;
import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;

/**
 * DynamoDB Local in memory: DatabaseNode PORT. Prints a line when it answers, and lives as long as its input.
 *
 * It listens on loopback only, and sends no telemetry: both differ from the command line of DynamoDB Local. All clients see
 * the same tables, whatever their credentials and region.
 */
public class DatabaseNode {
    public static void main(String[] arguments) throws Exception {
        boolean inMemory = true, shared = true, delayed = false;
        var database = new LocalDynamoDBRequestHandler(0, inMemory, null, shared, delayed);
        var server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])));
        server.setHandler(new LocalDynamoDBServerHandler(database, "*"));
        server.start();
        System.out.println("ready");
        while (System.in.read() >= 0) {
        }
        server.stop();
        System.exit(0);
    }
}
