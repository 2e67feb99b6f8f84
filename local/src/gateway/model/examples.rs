//! AWS's documented examples.

/// A documented call: its service and operation, its request, and its response.
pub struct Example {
    pub service: &'static str,
    pub operation: &'static str,
    pub request: &'static str,
    pub response: &'static str,
}

/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_DescribeReplicationGroups.html>
const REPLICATION_GROUPS: Example = Example {
    service: "elasticache",
    operation: "DescribeReplicationGroups",
    request: "Action=DescribeReplicationGroups&MaxRecords=100&Version=2015-02-02",
    response: r#"<DescribeReplicationGroupsResponse xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/">
   <DescribeReplicationGroupsResult>
      <ReplicationGroups>
         <ReplicationGroup>
            <SnapshottingClusterId>my-redis-primary</SnapshottingClusterId>
            <MemberClusters>
               <ClusterId>my-redis-primary</ClusterId>
            </MemberClusters>
            <NodeGroups>
               <NodeGroup>
                  <NodeGroupId>0001</NodeGroupId>
                  <PrimaryEndpoint>
                     <Port>6379</Port>
                     <Address>my-repgroup.q68zge.ng.0001.use1devo.elmo-dev.amazonaws.com</Address>
                  </PrimaryEndpoint>
                  <Status>available</Status>
                  <NodeGroupMembers>
                     <NodeGroupMember>
                        <CacheClusterId>my-redis-primary</CacheClusterId>
                        <ReadEndpoint>
                           <Port>6379</Port>
                           <Address>my-redis-primary.q68zge.0001.use1devo.elmo-dev.amazonaws.com</Address>
                        </ReadEndpoint>
                        <PreferredAvailabilityZone>us-west-2c</PreferredAvailabilityZone>
                        <CacheNodeId>0001</CacheNodeId>
                        <CurrentRole>primary</CurrentRole>
                     </NodeGroupMember>
                  </NodeGroupMembers>
               </NodeGroup>
            </NodeGroups>
            <ReplicationGroupId>my-repgroup</ReplicationGroupId>
            <Status>available</Status>
            <PendingModifiedValues />
            <Description>My replication group</Description>
         </ReplicationGroup>
      </ReplicationGroups>
   </DescribeReplicationGroupsResult>
   <ResponseMetadata>
      <RequestId>144745b0-b9d3-11e3-8a16-7978bb24ffdf</RequestId>
   </ResponseMetadata>
</DescribeReplicationGroupsResponse>"#,
};

/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheSubnetGroup.html>. Its sample request
/// lacks the subnets, which are required, and its sample response has a `SubnetStatus`, which the model doesn't have.
const SUBNET_GROUP: Example = Example {
    service: "elasticache",
    operation: "CreateCacheSubnetGroup",
    request: "Action=CreateCacheSubnetGroup&CacheSubnetGroupName=myCachesubnetgroup\
              &CacheSubnetGroupDescription=My%20new%20CacheSubnetGroup&SubnetIds.SubnetIdentifier.1=subnet-7c5b4115\
              &SubnetIds.SubnetIdentifier.2=subnet-7b5b4112&Version=2015-02-02",
    response: r#"<CreateCacheSubnetGroupResponse xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/">
   <CreateCacheSubnetGroupResult>
      <CacheSubnetGroup>
         <VpcId>990524496922</VpcId>
            <CacheSubnetGroupDescription>My new CacheSubnetGroup</CacheSubnetGroupDescription>
            <CacheSubnetGroupName>myCachesubnetgroup</CacheSubnetGroupName>
            <Subnets>
               <Subnet>
                  <SubnetIdentifier>subnet-7c5b4115</SubnetIdentifier>
                  <SubnetAvailabilityZone>
                     <Name>us-west-2c</Name>
                  </SubnetAvailabilityZone>
               </Subnet>
            </Subnets>
      </CacheSubnetGroup>
   </CreateCacheSubnetGroupResult>
   <ResponseMetadata>
      <RequestId>ed662948-a57b-11df-9e38-7ffab86c801f</RequestId>
   </ResponseMetadata>
</CreateCacheSubnetGroupResponse>"#,
};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>
const INGRESS: Example = Example {
    service: "ec2",
    operation: "AuthorizeSecurityGroupIngress",
    request: "Action=AuthorizeSecurityGroupIngress&GroupId=sg-112233&IpPermissions.1.IpProtocol=tcp\
              &IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80&IpPermissions.1.IpRanges.1.CidrIp=192.0.2.0/24\
              &IpPermissions.1.IpRanges.2.CidrIp=198.51.100.0/24&Version=2016-11-15",
    response: r#"<AuthorizeSecurityGroupIngressResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
  <return>true</return>
</AuthorizeSecurityGroupIngressResponse>"#,
};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
const SUBNETS: Example = Example {
    service: "ec2",
    operation: "DescribeSubnets",
    request: "Action=DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1a2b3c4d&Filter.2.Name=state\
              &Filter.2.Value.1=available&Version=2016-11-15",
    response: r#"<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>
  <subnetSet>
    <item>
      <subnetId>subnet-9d4a7b6c</subnetId>
      <state>available</state>
      <vpcId>vpc-1a2b3c4d</vpcId>
      <cidrBlock>10.0.1.0/24</cidrBlock>
      <ipv6CidrBlockAssociationSet/>
      <availableIpAddressCount>250</availableIpAddressCount>
      <availabilityZone>us-east-1a</availabilityZone>
      <defaultForAz>false</defaultForAz>
      <mapPublicIpOnLaunch>false</mapPublicIpOnLaunch>
      <tagSet/>
      <assignIpv6AddressOnCreation>false</assignIpv6AddressOnCreation>
    </item>
  </subnetSet>
</DescribeSubnetsResponse>"#,
};

/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>
const PARAMETER: Example = Example {
    service: "ssm",
    operation: "PutParameter",
    request: r#"{
    "Overwrite": true,
    "Type": "String",
    "Name": "EC2TestServerType",
    "Value": "t2.large",
    "Description": "Instance type for Test servers"
}"#,
    response: r#"{ "Version": 2 }"#,
};

/// <https://docs.aws.amazon.com/botocore/latest/reference/services/dynamodb/client/update_item.html>
const ITEM: Example = Example {
    service: "dynamodb",
    operation: "UpdateItem",
    request: r##"{
    "ExpressionAttributeNames": {"#AT": "AlbumTitle", "#Y": "Year"},
    "ExpressionAttributeValues": {":t": {"S": "Louder Than Ever"}, ":y": {"N": "2015"}},
    "Key": {"Artist": {"S": "Acme Band"}, "SongTitle": {"S": "Happy Day"}},
    "ReturnValues": "ALL_NEW",
    "TableName": "Music",
    "UpdateExpression": "SET #Y = :y, #AT = :t"
}"##,
    response: r#"{"Attributes": {
    "AlbumTitle": {"S": "Louder Than Ever"},
    "Artist": {"S": "Acme Band"},
    "SongTitle": {"S": "Happy Day"},
    "Year": {"N": "2015"}
}}"#,
};

/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
const EVENTS: Example = Example {
    service: "events",
    operation: "PutEvents",
    request: r#"{"Entries": [{
    "Source": "com.mycompany.myapp",
    "Detail": "{ \"key1\": \"value1\", \"key2\": \"value2\" }",
    "Resources": ["resource1", "resource2"],
    "DetailType": "myDetailType"
}]}"#,
    response: r#"{"FailedEntryCount": 0, "Entries": [{"EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860"}]}"#,
};

/// <https://docs.aws.amazon.com/step-functions/latest/dg/tutorial-api-gateway.html>
const EXECUTION: Example = Example {
    service: "states",
    operation: "StartExecution",
    request: r#"{
    "input": "{}",
    "name": "MyExecution",
    "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:HelloWorld"
}"#,
    response: r#"{
    "executionArn": "arn:aws:states:us-east-1:123456789012:execution:HelloWorld:MyExecution",
    "startDate": 1.486772644911E9
}"#,
};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
const TAGS: Example = Example {
    service: "ec2",
    operation: "CreateTags",
    request: "Action=CreateTags&ResourceId.1=ami-1a2b3c4d&ResourceId.2=i-1234567890abcdef0&Tag.1.Key=webserver\
              &Tag.1.Value=&Tag.2.Key=stack&Tag.2.Value=Production&Version=2016-11-15",
    response: r#"<CreateTagsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
   <requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>
   <return>true</return>
</CreateTagsResponse>"#,
};

/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartExecutionPreview.html>: its request syntax.
const PREVIEW: Example = Example {
    service: "ssm",
    operation: "StartExecutionPreview",
    request: r#"{"DocumentName": "AWS-StopEC2Instance", "ExecutionInputs": {"Automation": {}}}"#,
    response: r#"{"ExecutionPreviewId": "2f27d6e5-9676-4708-b8bd-aef0ab47bb26"}"#,
};

/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>, with one key, and without the
/// response's empty `UnprocessedKeys`, which is shorter than the model allows.
const BATCH: Example = Example {
    service: "dynamodb",
    operation: "BatchGetItem",
    request: r#"{"RequestItems": {"Forum": {"Keys": [{"Name": {"S": "Amazon DynamoDB"}}]}}}"#,
    response: r#"{"Responses": {"Forum": [{"Name": {"S": "Amazon DynamoDB"}}]}}"#,
};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html>, shortened.
const INSTANCES: Example = Example {
    service: "ec2",
    operation: "RunInstances",
    request: "Action=RunInstances&ImageId=ami-beb0caec&InstanceType=m1.large&MaxCount=1&MinCount=1&KeyName=my-key-pair\
              &NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.PrivateIpAddresses.1.Primary=true\
              &NetworkInterface.1.PrivateIpAddresses.1.PrivateIpAddress=10.0.2.106\
              &NetworkInterface.1.SubnetId=subnet-a61dafcf&Version=2016-11-15",
    response: r#"<RunInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>
  <reservationId>r-1234567890abcdef0</reservationId>
  <ownerId>123456789012</ownerId>
</RunInstancesResponse>"#,
};

/// All examples.
pub const EXAMPLES: [Example; 12] = [
    REPLICATION_GROUPS,
    SUBNET_GROUP,
    INGRESS,
    SUBNETS,
    TAGS,
    PARAMETER,
    ITEM,
    EVENTS,
    EXECUTION,
    PREVIEW,
    BATCH,
    INSTANCES,
];

/// An error of the query protocol:
/// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization>.
pub const QUERY_ERROR: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>ReplicationGroupNotFoundFault</Code><Message>\
    not found</Message></Error><RequestId>1</RequestId></ErrorResponse>";
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html#api-error-response>
pub const EC2_ERROR: &str = "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>The instance ID \
    'i-1a2b3c4d' does not exist</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID>\
    </Response>";
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
pub const JSON_ERROR: &str = r#"{
    "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
    "message": "Requested resource not found: Table: tablename not found"
}"#;
