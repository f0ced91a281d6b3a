import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Memberships of the target's groups, changed by GET and PATCH with If-Match: only what the group is not yet is sent. */
final class Groups {
  /** The directory API beneath SCIM takes no more members a request. */
  private static final int MEMBERS_PER_PATCH = 50;

  private static final long GARBAGE_PAUSE_MS = 1_000;

  private record Snapshot(String etag, Set<String> members) {}

  private record Change(String member, boolean isMember) {}

  private final HttpTarget http;
  private final ObjectMapper json;

  Groups(HttpTarget http, ObjectMapper json) {
    this.http = http;
    this.json = json;
  }

  /**
   * Returns when the group is as asked, or the target has refused what is not; a refused change is logged.
   *
   * @param wanted by member: true adds, false removes
   */
  void change(String group, Map<String, Boolean> wanted) throws InterruptedException {
    String path = "/api/v2/scim/v2/groups/" + URLEncoder.encode(group, StandardCharsets.UTF_8).replace("+", "%20");
    Set<String> refused = new HashSet<>();
    int membersMax = MEMBERS_PER_PATCH;
    while (true) {
      Snapshot snapshot = read(path);
      if (snapshot == null) return;
      List<Change> left = missing(wanted, snapshot.members(), refused);
      if (left.isEmpty()) return;
      List<Change> chunk = left.subList(0, Math.min(membersMax, left.size()));
      HttpResponse<String> answer = http.patch(path, snapshot.etag(), patchOf(chunk));
      if (answer.statusCode() < 300) {
        // A success without an ETag may be a proxy's: the group is read again.
        if (chunk.size() == left.size() && answer.headers().firstValue("etag").isPresent()) return;
      } else if (!isVersionConflict(answer)) {
        if (chunk.size() > 1) {
          // One unknown member refuses the whole request: halved until it is alone.
          membersMax = (chunk.size() + 1) / 2;
        } else {
          refused.add(chunk.get(0).member());
          System.err.println(path + ": " + chunk + " is refused with " + answer.statusCode() + ": " + answer.body());
        }
      }
    }
  }

  /** null: the target refuses to show it. */
  private Snapshot read(String path) throws InterruptedException {
    while (true) {
      HttpResponse<String> answer = http.get(path);
      if (answer.statusCode() != 200) {
        System.err.println(path + " is refused with " + answer.statusCode() + ": " + answer.body());
        return null;
      }
      try {
        return snapshotOf(answer);
      } catch (JsonProcessingException error) {
        Thread.sleep(GARBAGE_PAUSE_MS);
      }
    }
  }

  private Snapshot snapshotOf(HttpResponse<String> answer) throws JsonProcessingException {
    JsonNode group = json.readTree(answer.body());
    Set<String> members = new HashSet<>();
    for (JsonNode member : group.path("members")) members.add(member.path("value").asText());
    String version = group.path("meta").path("version").asText();
    return new Snapshot(answer.headers().firstValue("etag").orElse('"' + version + '"'), members);
  }

  private static List<Change> missing(Map<String, Boolean> wanted, Set<String> members, Set<String> refused) {
    return wanted.entrySet().stream()
        .filter(change -> members.contains(change.getKey()) != change.getValue() && !refused.contains(change.getKey()))
        .map(change -> new Change(change.getKey(), change.getValue()))
        .toList();
  }

  /** A remove of the bare attribute would take every member (RFC 7644 section 3.5.2.2), so each has an operation of its own. */
  private String patchOf(List<Change> changes) {
    ObjectNode patch = json.createObjectNode();
    patch.putArray("schemas").add("urn:ietf:params:scim:api:messages:2.0:PatchOp");
    ArrayNode operations = patch.putArray("Operations");
    ArrayNode added = json.createArrayNode();
    for (Change change : changes) {
      if (change.isMember()) {
        added.addObject().put("value", change.member());
      } else {
        String quoted = json.getNodeFactory().textNode(change.member()).toString();
        operations.addObject().put("op", "remove").put("path", "members[value eq " + quoted + "]");
      }
    }
    if (!added.isEmpty()) operations.addObject().put("op", "add").put("path", "members").set("value", added);
    return patch.toString();
  }

  /** The vendor documents 400 with scimType invalidVers and 409; 412 is RFC 9110's. */
  private static boolean isVersionConflict(HttpResponse<String> answer) {
    int status = answer.statusCode();
    if (status != 400) return status == 409 || status == 412;
    String body = answer.body().toLowerCase();
    return body.contains("\"invalidvers\"")
        || body.contains("not match the current version")
        || body.contains("not match current version");
  }
}
