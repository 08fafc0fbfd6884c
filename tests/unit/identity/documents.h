// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// Documents as the services give them, made up. Every secret in them contains "s3cr3t", or is one of
/// kSecrets, so that a test can look for what got out.
namespace iris::identity::documents {

inline const char* const kSecrets[] = {"s3cr3t", "S3CR3T", "aXJpcy10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmMDE"};

inline const std::string kGatewayTwin = R"({"deviceId":"gw1","etag":"AAAAAAAAAAE=","deviceEtag":"NzE=","version":7,
 "status":"enabled","statusReason":null,"statusUpdateTime":"0001-01-01T00:00:00Z","connectionState":"Connected",
 "lastActivityTime":"2030-01-02T03:04:05.678Z","cloudToDeviceMessageCount":0,"authenticationType":"sas",
 "x509Thumbprint":{"primaryThumbprint":"s3cr3t","secondaryThumbprint":null},"modelId":"","capabilities":{"iotEdge":true},
 "deviceScope":"ms-azure-iot-edge://gw1-638000000000000000","parentScopes":["ms-azure-iot-edge://top-gw-637000000000000000"],
 "configurations":{"site-a":{"status":"Applied"}},"tags":{"site":"plant-a","wifiPassword":"s3cr3t"},
 "properties":{"desired":{"k":1,"$metadata":{"$lastUpdated":"..","$lastUpdatedVersion":1},"$version":1},
               "reported":{"$metadata":{"$lastUpdated":".."},"$version":3}}})";

inline const std::string kLeafTwin = R"({"deviceId":"thermostat","status":"disabled","statusReason":"stolen","authenticationType":"selfSigned",
 "capabilities":{"iotEdge":false},"deviceScope":"ms-azure-iot-edge://gw1-638000000000000000",
 "parentScopes":["ms-azure-iot-edge://gw1-638000000000000000"],
 "tags":{"owner":"anna","network":{"mac":"00-1B-44-11-3A-B7","ip":"198.51.100.7"},"url":"http://root:s3cr3t@198.51.100.7/"},
 "properties":{"desired":{"serialNumber":"4711","storage":"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=s3cr3t"},
               "reported":{"fw":"1.2","ipAddress":"127.0.0.1","log":"https://st.example/c?sv=1&sig=s3cr3t"}}})";

inline const std::string kLoraTwin = R"({"deviceId":"47AAC86800430028","status":"enabled","deviceScope":"ms-azure-iot-edge://gw1-638000000000000000",
 "properties":{"desired":{"AppEUI":"BE7A0000000014E2","AppKey":"s3cr3t","NwkSKey":"s3cr3t","GatewayID":"","SensorDecoder":"DecoderValueSensor"}}})";

inline const std::string kModbusTwin = R"({"deviceId":"gw1","moduleId":"modbus1","status":"enabled","authenticationType":"sas","modelId":"",
 "properties":{"desired":{"PublishInterval":"2000","Version":"2","$metadata":{},"$version":4,
     "SlaveConfigs":{
       "Slave01":{"SlaveConnection":"192.0.2.10","TcpPort":"502","HwId":"PowerMeter-01","RetryCount":"10","RetryInterval":"50","Password":"s3cr3t",
          "Operations":{"Op01":{"PollingInterval":"1000","UnitId":"1","StartAddress":"400001","Count":"2","DisplayName":"Voltage","CorrelationId":"g1"}}},
       "Slave02":{"SlaveConnection":"/dev/ttyS0","HwId":"PowerMeter-02","BaudRate":"9600","DataBits":"8","StopBits":"1","Parity":"ODD","FlowControl":"NONE",
          "Operations":{"Op01":{"PollingInterval":"2000","UnitId":"7","StartAddress":"40001","Count":"1","DisplayName":"Power"}}}}},
   "reported":{"PublishInterval":"2000","SlaveConfigs":{"Slave01":{"SlaveConnection":"192.0.2.10","HwId":"PowerMeter-01"}}}}})";

inline const std::string kModbusAncestor = R"({"modules":[
 {"name":"modbus_read","args":[{"serverConnectionString":"192.0.2.40","interval":"2000","macAddress":"01:01:01:01:01:01","deviceType":"powerMeter",
   "operations":[{"unitId":"1","functionCode":"3","startingAddress":"1","length":"1"}]},
  {"serverConnectionString":"COM1","interval":2000,"macAddress":"02:02:02:02:02:02","operations":[{"unitId":3}]}]},
 {"name":"mapping","args":[{"macAddress":"01:01:01:01:01:01","deviceId":"meter-a","deviceKey":"s3cr3t"}]}]})";

inline const std::string kEdgeAgentTwin = R"json({"deviceId":"gw1","moduleId":"$edgeAgent","properties":{
 "desired":{"schemaVersion":"1.1","runtime":{"type":"docker","settings":{"minDockerVersion":"v1.25","loggingOptions":"",
     "registryCredentials":{"r1":{"address":"registry.example","username":"s3cr3t","password":"s3cr3t"}}}},
   "systemModules":{
     "edgeAgent":{"type":"docker","imagePullPolicy":"on-create","env":{},"settings":{"image":"registry.example/azureiotedge-agent:1.5","createOptions":"{}"}},
     "edgeHub":{"type":"docker","status":"running","restartPolicy":"always","startupOrder":0,"settings":{"image":"registry.example/azureiotedge-hub:1.5",
       "createOptions":"{\"HostConfig\":{\"PortBindings\":{\"443/tcp\":[{\"HostPort\":\"443\"}],\"5671/tcp\":[{\"HostPort\":\"5671\"}]","createOptions01":",\"8883/tcp\":[{\"HostPort\":\"8883\"}]}}","createOptions02":"}","createOptions04":"never read"}}},
   "modules":{"modbus1":{"version":"1.0","type":"docker","status":"running","restartPolicy":"always",
       "env":{"LEVEL":{"value":"info"},"RETRIES":{"value":3},"VERBOSE":{"value":true},"DB_PASSWORD":{"value":"s3cr3t"},"UPSTREAM":{"value":"HostName=h;SharedAccessKey=s3cr3t"}},
       "settings":{"image":"registry.example/modbus:1.0","createOptions":"{\"Env\":[\"TOKEN=s3cr3t\",\"A=b\"],\"Cmd\":[\"--password\",\"s3cr3t\"],\"HostConfig\":{\"Devices\":[{\"PathOnHost\":\"/dev/ttyS0\",\"PathInContainer\":\"/dev/ttyS0\",\"CgroupPermissions\":\"rwm\"}]}}"}},
     "fresh":{"type":"docker","status":"running","settings":{"image":"registry.example/fresh:2","createOptions":{"hostconfig":{"Privileged":true}}}},
     "gone":null,"$metadata":{}}},
 "reported":{"schemaVersion":"1.1","version":{"version":"1.5.1","build":"1","commit":"ab"},"lastDesiredVersion":11,"lastDesiredStatus":{"code":200,"description":""},
   "runtime":{"type":"docker","platform":{"os":"linux","architecture":"x86_64","version":"1.5.1"},"settings":{}},
   "systemModules":{"edgeAgent":{"runtimeStatus":"running","settings":{"image":"registry.example/azureiotedge-agent:1.5"}},
     "edgeHub":{"runtimeStatus":"running","startTimeUtc":"2030-01-02T03:04:05Z","settings":{"image":"registry.example/azureiotedge-hub:1.5"}}},
   "modules":{"modbus1":{"runtimeStatus":"backoff","exitCode":137,"statusDescription":"Exited (137)","lastStartTimeUtc":"2030-01-02T03:04:05.678Z",
       "lastExitTimeUtc":"2030-01-02T03:05:05","restartCount":4,"lastRestartTimeUtc":"0001-01-01T00:00:00Z","status":"running","restartPolicy":"always",
       "type":"docker","version":"1.0","env":{"DB_PASSWORD":{"value":"s3cr3t"}},"settings":{"image":"registry.example/modbus:1.0","imageHash":"sha256:00","createOptions":"{}"}},
     "leaving":{"runtimeStatus":"stopped","exitCode":0,"settings":{"image":"registry.example/leaving:1","createOptions":"null"}}}}}})json";

inline const std::string kEdgeHubTwin = R"({"deviceId":"gw1","moduleId":"$edgeHub","properties":{"desired":{"routes":{"r":"FROM /* INTO $upstream"}},
 "reported":{"lastDesiredStatus":{"code":200},"$version":2,"clients":{"$metadata":{},
   "gw1/modbus1":{"status":"Connected","lastConnectedTimeUtc":"2030-01-02T03:04:05Z"},"gw1/old":{"status":"Disconnected","lastDisconnectTime":"x"},
   "thermostat":{"status":"connected"},"leaf2/inner":{"status":"Connected"},"a/b/c":{"status":"Connected"},"":{"status":"Connected"},"n":null}}}})";

inline const std::string kPublishedNodes = R"(// the servers of line 1
[{"EndpointUrl":"opc.tcp://192.0.2.20:4840/plc","UseSecurity":true,"DataSetWriterGroup":"line1","DataSetWriterId":"plc7",
  "OpcAuthenticationMode":"UsernamePassword","OpcAuthenticationUsername":"s3cr3t","OpcAuthenticationPassword":"s3cr3t",
  "OpcNodes":[{"Id":"ns=2;s=Temp","OpcSamplingInterval":1000,"DisplayName":"Temp"},]},
 {"EndpointUrl":"OPC.TCP://192.0.2.20/plc/","DataSetWriterId":"plc7b","EncryptedAuthPassword":"s3cr3t","OpcNodes":[{"ExpandedNodeId":"nsu=x;i=1"}]}, // again
 {"EndpointUrl":"opc.tcp://u:s3cr3t@PLC8.site:4841","UseReverseConnect":true,"NodeId":{"Identifier":"i=2258"}},
 {"EndpointUrl":7},{"OpcNodes":null},null
])";

inline const std::string kBacnetTwin = R"({"deviceId":"gw1","moduleId":"bacnet1","properties":{"desired":{"bacnet":{"devices":[
   {"deviceInstance":1201,"ip":"192.0.2.60","password":"s3cr3t","name":"AHU 1"},
   {"hwId":"AHU-2","address":"ahu2.site","port":"0xBAC1"}]},
  "hub":{"host":"iris-hub.azure-devices.net"},"self":{"host":"gw1-host","ip":"127.0.0.1"},"registry":{"url":"registry.example/modbus:1.0"},
  "line":"/dev/ttyUSB0","mode":{"host":"production"},"settings":"{\"plc\":{\"url\":\"s7://u:s3cr3t@192.0.2.61\",\"devEUI\":\"A1\"}}"}}})";

inline const std::string kEdgexV3 = R"({"apiVersion":"v3","statusCode":200,"totalCount":7,"devices":[
 {"id":"55b68fcf-0000-4000-8000-000000000001","name":"boiler-3","adminState":"UNLOCKED","operatingState":"UP","labels":["hvac"],"serviceName":"device-modbus",
  "profileName":"boiler","protocols":{"modbus-tcp":{"Address":"192.0.2.31","Port":502,"UnitID":1}},"properties":{},"lastConnected":1,"modified":2},
 {"name":"meter-rtu","adminState":"LOCKED","protocols":{"modbus-rtu":{"address":"/dev/ttyS1","UnitID":"3","BaudRate":"19200"}}},
 {"name":"ahu","protocols":{"BACnet-IP":{"DeviceInstance":"1201","Port":"0xBAC0"}}},
 {"name":"cam-1","protocols":{"Onvif":{"Address":"192.0.2.33","Port":"80","MACAddress":"00:1B:44:11:3A:B8","EndpointRefAddress":"uuid-1","User":"s3cr3t","Password":"s3cr3t"}},"tags":{"floor":2}},
 {"name":"sensor-q","protocols":{"mqtt":{"Host":"broker.site","Port":1883,"User":"s3cr3t","Password":"s3cr3t","CommandTopic":"c"}}},
 {"name":"random","protocols":{"other":{"Address":"device-virtual-bool-01","Port":"300"}}},
 {"name":"switch","protocols":{"TCP":{"Address":"192.0.2.35","Port":"161"}},"properties":{"snmpCommunity":"s3cr3t"}}]})";

inline const std::string kEdgexV1 = R"([{"id":"x","name":"old-1","adminState":"unlocked","operatingState":"ENABLED","service":{"name":"device-modbus","adminState":"unlocked"},
 "profile":{"name":"boiler","deviceResources":[{"x":1}]},"addressable":{"name":"a","protocol":"TCP","address":"192.0.2.36","port":502,"path":"1","user":"s3cr3t","password":"s3cr3t"}},
 {"name":"old-2","addressable":{"protocol":"OTHER","address":"device-virtual","port":0}},
 {"name":"old-3","protocols":{"modbus-tcp":{"Address":"192.0.2.37","UnitID":"1"}}},{"labels":[]}])";

inline const std::string kHubPath = "/SUBSCRIPTIONS/00000000-0000-0000-0000-000000000001/RESOURCEGROUPS/PLANT-A/PROVIDERS/MICROSOFT.DEVICES/IOTHUBS/IRIS-HUB";

inline const std::string kRejectedEvent = R"json({"records":[{"time":"2030-01-02T03:04:05Z","resourceId":")json" + kHubPath + R"json(",
 "operationName":"deviceConnect","category":"Connections","level":"Error","resultType":"401003","resultDescription":"IoTHubUnauthorized",
 "properties":"{\"deviceId\":\"thermostat\",\"protocol\":\"Mqtt\",\"authType\":\"{\\\"scope\\\":\\\"device\\\",\\\"type\\\":\\\"sas\\\",\\\"issuer\\\":\\\"iothub\\\",\\\"acceptingIpFilterRule\\\":null}\",\"maskedIpAddress\":\"203.0.113.XXX\",\"statusCode\":\"401\",\"errorMessage\":\"SharedAccessSignature sr=h&sig=s3cr3t\"}",
 "location":"westeurope"}]})json";

}  // namespace iris::identity::documents
