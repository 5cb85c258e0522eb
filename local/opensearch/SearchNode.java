import static org.codelibs.opensearch.runner.OpenSearchRunner.newConfigs;

import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node on loopback: SearchNode FOLDER PORT. Prints a line when it answers, and lives as long as its input. */
public class SearchNode {
    public static void main(String[] arguments) throws Exception {
        OpenSearchRunner runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", arguments[1]);
            settings.put("transport.port", "0");
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        }).build(newConfigs().basePath(arguments[0]).clusterName("docplatform").numOfNode(1).disableESLogger());
        runner.ensureYellow(); // the indexes of an earlier start answer
        System.out.println("ready");
        while (System.in.read() >= 0) {
        }
        runner.close();
        System.exit(0);
    }
}
