"""An agent that starts in a tenth of a second: asks the model, runs what it wants run, says what it says. For kill tests."""

import json
import subprocess
import sys
import urllib.request

url, model = sys.argv[1], sys.argv[2]
messages = [{"role": "user", "content": sys.stdin.read()}]
while True:
    body = json.dumps({"model": model, "messages": messages}).encode()
    request = urllib.request.Request(url + "/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        said = json.load(answer)["choices"][0]["message"]
    messages.append(said)
    if not said.get("tool_calls"):
        print(said["content"])
        break
    for call in said["tool_calls"]:
        command = json.loads(call["function"]["arguments"])["command"]
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": done.stdout + done.stderr})
