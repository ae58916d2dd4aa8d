package qmi

// bodies has a maker of empty bodies for each kind of message spoken here.
var bodies = index(
	of[SyncRequest], of[SyncResponse], of[SyncIndication],
	of[GetVersionInfoRequest], of[GetVersionInfoResponse],
	of[GetClientIDRequest], of[GetClientIDResponse],
	of[ReleaseClientIDRequest], of[ReleaseClientIDResponse],
	of[SetLinkFormatRequest], of[SetLinkFormatResponse],

	of[SetDataEventsRequest], of[SetDataEventsResponse],
	of[StartNetworkRequest], of[StartNetworkResponse],
	of[StopNetworkRequest], of[StopNetworkResponse],
	of[GetPacketStatusRequest], of[GetPacketStatusResponse], of[PacketStatusIndication],
	of[GetSettingsRequest], of[GetSettingsResponse],
	of[GetStatisticsRequest], of[GetStatisticsResponse],
	of[SetCallEventsRequest], of[SetCallEventsResponse], of[SettingsIndication],
	of[SetIPFamilyRequest], of[SetIPFamilyResponse],
	of[BindMuxPortRequest], of[BindMuxPortResponse],
	of[ListProfilesRequest], of[ListProfilesResponse],
	of[GetProfileRequest], of[GetProfileResponse],
	of[ModifyProfileRequest], of[ModifyProfileResponse],
	of[GetAttachRequest], of[GetAttachResponse],
	of[GetAttachProfilesRequest], of[GetAttachProfilesResponse],
	of[SetAttachProfilesRequest], of[SetAttachProfilesResponse],

	of[GetCapabilitiesRequest], of[GetCapabilitiesResponse],
	of[GetManufacturerRequest], of[GetManufacturerResponse],
	of[GetModelRequest], of[GetModelResponse],
	of[GetRevisionRequest], of[GetRevisionResponse],
	of[GetIDsRequest], of[GetIDsResponse],
	of[GetOperatingModeRequest], of[GetOperatingModeResponse],
	of[SetOperatingModeRequest], of[SetOperatingModeResponse],
	of[AuthenticateRequest], of[AuthenticateResponse],
	of[DMSVerifyPINRequest], of[DMSVerifyPINResponse],
	of[DMSGetPINStatusRequest], of[DMSGetPINStatusResponse],
	of[DMSGetICCIDRequest], of[DMSGetICCIDResponse],
	of[DMSGetIMSIRequest], of[DMSGetIMSIResponse],
	of[SetDeviceEventsRequest], of[SetDeviceEventsResponse], of[DeviceEventIndication],

	of[GetServingSystemRequest], of[GetServingSystemResponse], of[ServingSystemIndication],
	of[GetHomeNetworkRequest], of[GetHomeNetworkResponse],
	of[GetNetworkNameRequest], of[GetNetworkNameResponse],
	of[GetSignalRequest], of[GetSignalResponse], of[SignalIndication],
	of[GetBandsRequest], of[GetBandsResponse],
	of[GetSystemRequest], of[GetSystemResponse], of[SystemIndication],
	of[RegisterRequest], of[RegisterResponse],
	of[SetPacketAttachRequest], of[SetPacketAttachResponse],
	of[SetSelectionRequest], of[SetSelectionResponse],
	of[GetSelectionRequest], of[GetSelectionResponse],
	of[SetNetworkEventsRequest], of[SetNetworkEventsResponse], of[RejectIndication],

	of[RegisterCardEventsRequest], of[RegisterCardEventsResponse],
	of[GetCardStatusRequest], of[GetCardStatusResponse], of[CardStatusIndication],
	of[VerifyPINRequest], of[VerifyPINResponse],
	of[ReadTransparentRequest], of[ReadTransparentResponse],
	of[ChangeProvisioningSessionRequest], of[ChangeProvisioningSessionResponse],
	of[GetSlotStatusRequest], of[GetSlotStatusResponse], of[SlotStatusIndication],
	of[SwitchSlotRequest], of[SwitchSlotResponse],

	of[SetDataFormatRequest], of[SetDataFormatResponse],
	of[GetDataFormatRequest], of[GetDataFormatResponse],
)

// of returns an empty T.
func of[T any, P interface {
	*T
	Body
}]() Body {
	return P(new(T))
}

func index(makers ...func() Body) map[Kind]func() Body {
	m := make(map[Kind]func() Body, len(makers))
	for _, maker := range makers {
		m[maker().Kind()] = maker
	}
	return m
}

// Empty returns an empty body to decode a message of kind k into, nil if that
// kind is not spoken here.
func Empty(k Kind) Body {
	if maker, ok := bodies[k]; ok {
		return maker()
	}
	return nil
}
